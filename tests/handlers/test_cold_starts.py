"""What a function imports is what its source says, and importing builds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from docs.function_imports import (
    BOUNDS,
    LAYER,
    NAMES,
    ROOT,
    closure_of,
    holds_code,
)

# Imports a handler, builds its use case with an environment and clients that lead
# nowhere, and prints the modules that this has loaded.
BUILD = """
import importlib, json, sys
from types import SimpleNamespace
importlib.import_module(f"functions.{sys.argv[1]}.app")
from masking.core.settings import Settings
from masking.wiring import Services

def client(service, **_):
    secret = {"auth_id": "MA" + "X" * 18, "auth_token": "0" * 40}
    return SimpleNamespace(
        get_secret_value=lambda **_: {"SecretString": json.dumps(secret)}
    )

class Anything(dict):
    def get(self, name, default=None):
        return "https://127.0.0.1" if "URL" in name else "400"

services = Services(Settings(Anything()), client=client)
use_case = getattr(services, sys.argv[1])
if sys.argv[1] == "expire_sessions":
    use_case(lambda: True)
print(json.dumps([
    [name for name in sys.modules if name.split(".")[0] == "masking"],
    sorted({name.split(".")[0] for name in sys.modules}),
]))
"""


@pytest.mark.parametrize("name", BOUNDS)
def test_a_function_loads_what_its_source_imports(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, name],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{LAYER}",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours, roots = (set(names) for names in json.loads(done.stdout))

    found = closure_of(name)
    loaded = {module for module in ours if holds_code(module)}
    # A store is loaded when it is first used.
    assert {module for module in found.modules if holds_code(module)} <= loaded
    assert loaded <= found.ours
    for package in ("plivo", "pydantic", "requests", "lxml"):
        needs = package in found.foreign or (
            package == "lxml" and "plivo" in found.foreign
        )
        assert (package in roots) == needs, package


# Imports every handler with nothing set, and finds whoever reads or builds too early.
IMPORT_ALL = """
import builtins, importlib, os, sys

class Untouchable(dict):
    reads = []
    def __getitem__(self, key):
        Untouchable.reads.append(key)
        return super().__getitem__(key)
    def get(self, key, default=None):
        Untouchable.reads.append(key)
        return super().get(key, default)

import boto3, aws_lambda_powertools, pydantic, botocore.config
made = []
boto3.client = lambda *a, **k: made.append(a)
boto3.resource = lambda *a, **k: made.append(a)
ours = ("TABLE", "BUCKET", "BUS", "CARRIER", "SIGNING", "RETENTION", "PUBLIC", "CHECK",
        "RECORDING", "POWERTOOLS_SERVICE", "POWERTOOLS_METRICS", "AWS_REGION")
os.environ = Untouchable()
for name in sys.argv[1:]:
    importlib.import_module(f"functions.{name}.app")
assert not made, made
read = [key for key in Untouchable.reads if key.startswith(ours)]
assert not read, read
print("imported", len(sys.argv) - 1)
"""


def test_importing_every_handler_in_an_empty_environment_reads_and_builds_nothing() -> (
    None
):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL, *NAMES],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{LAYER}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == f"imported {len(NAMES)}\n", done.stderr
