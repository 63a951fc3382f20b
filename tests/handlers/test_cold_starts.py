"""What a function imports is what its source says, and importing builds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.function_imports import (
    BOUNDS,
    LAYER,
    NAMES,
    ROOT,
    closure_of,
    holds_code,
)
from stack import environments

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
if sys.argv[1] in ("expire_sessions", "reconcile_sessions", "erase_number"):
    use_case(lambda: 600.0)
print(json.dumps([
    [name for name in sys.modules if name.split(".")[0] == "masking"],
    sorted({name.split(".")[0] for name in sys.modules}),
]))
"""


def started(options: list[str], folders: list[Path], name: str) -> tuple[set[str], ...]:
    """Build a use case in a process; return the modules of ours and all packages."""
    done = subprocess.run(
        [sys.executable, *options, "-c", BUILD, name],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(set(names) for names in json.loads(done.stdout))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_function_loads_what_its_source_imports(name: str) -> None:
    ours, _ = started([], [ROOT, LAYER], name)

    found = closure_of(name)
    loaded = {module for module in ours if holds_code(module)}
    # A store is loaded when it is first used.
    assert {module for module in found.modules if holds_code(module)} <= loaded
    assert loaded <= found.ours


# Imports a handler as Lambda does; prints what was made, and what of it was imported.
START = """
import importlib, json, sys
module, *named = sys.argv[1:]
importlib.import_module(f"functions.{module}.app")
from masking import wiring
made = vars(wiring.services()) if wiring.services.cache_info().currsize else {}
print(json.dumps([sorted(made), [name for name in named if name in sys.modules]]))
"""

PREPARED = {
    "create_session": ["masking.lifecycle.create_session", "masking.plivo.client"],
    "update_session": ["masking.lifecycle.update_session", "masking.plivo.client"],
    "expire_session": ["masking.lifecycle.expire_session", "masking.plivo.client"],
    "get_session": ["masking.lifecycle.get_session"],
    "authorize": ["masking.tenants.authorize"],
    "on_session_event": [
        "masking.callbacks.on_session_event",
        "masking.plivo.signature",
    ],
    "on_recording_event": [
        "masking.callbacks.on_recording_event",
        "masking.plivo.signature",
    ],
    "answer_call": ["masking.lifecycle.answer_call", "masking.plivo.signature"],
}


def begun(name: str, **environment: str) -> list[list[str]]:
    """Import a handler; return what was made, and which modules were imported."""
    done = subprocess.run(
        [sys.executable, "-c", START, name, *PREPARED[name]],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(LAYER)]),
            "AWS_DEFAULT_REGION": "us-east-1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", PREPARED)
def test_a_function_that_somebody_waits_for_is_prepared_while_it_starts(
    name: str,
) -> None:
    made, imported = begun(
        name, AWS_LAMBDA_FUNCTION_NAME=name, TABLE_NAME="table", RETENTION_DAYS="400"
    )

    assert {"stores", "_read_secret"} <= set(made)
    assert imported == PREPARED[name]


def test_nothing_is_made_where_no_function_starts() -> None:
    assert begun("create_session", TABLE_NAME="table", RETENTION_DAYS="400") == [[], []]


def test_a_setting_that_is_missing_ends_no_start() -> None:
    made, _ = begun("answer_call", AWS_LAMBDA_FUNCTION_NAME="answer_call")

    assert "stores" not in made


# What functions may import of the dependency layer, by what of it they name.
ALWAYS = {
    *("aws_lambda_powertools", "botocore", "certifi", "dateutil", "jmespath", "six"),
    *("typing_extensions", "urllib3"),
}
WITH = {
    "pydantic": {
        *("annotated_types", "pydantic", "pydantic_core"),
        *("typing_extensions", "typing_inspection"),
    },
    "plivo": {"decorator", "plivo"},
    "phonenumbers": {"phonenumbers"},
}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_imports_of_the_dependency_layer_what_it_needs_alone(
    name: str,
) -> None:
    # Without the packages of the tests.
    _, roots = started(["-S"], [ROOT, LAYER, environments.LAYER], name)

    installed = {path.name.removesuffix(".py") for path in environments.LAYER.iterdir()}
    named = closure_of(name).foreign
    allowed = set(ALWAYS)
    for package, brings in WITH.items():
        allowed |= brings if package in named else set()
    assert roots & installed <= allowed


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

import aws_lambda_powertools, pydantic, botocore.config, botocore.session
made = []
botocore.session.Session.create_client = lambda *a, **k: made.append(a)
botocore.session.get_session = lambda *a, **k: made.append(a)
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
