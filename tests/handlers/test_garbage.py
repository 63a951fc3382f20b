"""What a function's requests leave behind is collected before it is much."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stack.environments import ROOT

PRINT = """
import gc, json
from functions.get_session import app
print(json.dumps([gc.get_threshold()[0], gc.get_freeze_count() > 10_000]))
"""


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AWS_LAMBDA_FUNCTION_NAME": "get-session"}, [2_000, True]),
        ({}, [20_000, False]),
    ],
)
def test_it_is_collected_seldom_while_a_function_starts_alone(
    variables: dict[str, str], told: list[object]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers' / 'masking'}{os.pathsep}{ROOT}",
            **variables,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == told
