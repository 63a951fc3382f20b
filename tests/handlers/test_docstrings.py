"""A function is started without what documents the methods of AWS's SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from stack.environments import ROOT

PRINT = """
import json, os, sys
{first}
from masking.core import https
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
client = https.session().create_client("dynamodb")
loaded = sorted({{"html.parser", "botocore.docs.method"}} & sys.modules.keys())
client.get_paginator("query")
client.get_waiter("table_exists")
import boto3
of_boto3 = str(boto3.resource("dynamodb").Table("t").put_item.__doc__)
ours = str(client.get_item.__doc__)
print(json.dumps([loaded, ours, "Creates a new item" in of_boto3]))
"""


def told(first: str) -> list[object]:
    """Return what a process prints that imports something *first*."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT.format(first=first)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "layers" / "masking"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    printed: list[object] = json.loads(done.stdout)
    return printed


def test_no_docstring_is_prepared_and_boto3_gets_its_own() -> None:
    assert told("") == [[], "", True]


def test_what_was_imported_before_stays_as_it_is() -> None:
    loaded, documentation, is_documented = told("import boto3")

    assert loaded == ["botocore.docs.method", "html.parser"]
    assert "set of attributes for the item" in str(documentation)
    assert is_documented
