"""What a function imports is what its source says, and importing builds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
from stack.aws.fork_server import MODULES

# Imports handlers and builds their use cases with an environment and clients that lead
# nowhere; prints of each the modules that this has loaded. Each has a process of its
# own, forked from one that has imported no more than it was told to.
BUILD = """
import importlib, json, os, sys, traceback
from types import SimpleNamespace

packages, names = map(json.loads, sys.argv[1:])
for package in packages:
    importlib.import_module(package)

def client(service, **_):
    secret = {"auth_id": "MA" + "X" * 18, "auth_token": "0" * 40}
    return SimpleNamespace(
        get_secret_value=lambda **_: {"SecretString": json.dumps(secret)}
    )

class Anything(dict):
    def get(self, name, default=None):
        return "https://127.0.0.1" if "URL" in name else "400"

def build(name):
    importlib.import_module(f"functions.{name}.app")
    from masking.core.settings import Settings
    from masking.wiring import Services
    services = Services(Settings(Anything()), client=client)
    use_case = getattr(services, name)
    if name in ("expire_sessions", "reconcile_sessions", "erase_number"):
        use_case(lambda: 600.0)
    return [
        [each for each in sys.modules if each.split(".")[0] == "masking"],
        sorted({each.split(".")[0] for each in sys.modules}),
    ]

print(json.dumps(sorted({each.split(".")[0] for each in sys.modules})), flush=True)
for name in names:
    if os.fork():
        os.wait()
        continue
    try:
        found, error = build(name), ""
    except BaseException:
        found, error = [[], []], traceback.format_exc()
    print(json.dumps([name, *found, error]), flush=True)
    os._exit(0)
"""


@dataclass(frozen=True)
class Starts:
    """What the process had that all are forked from, and what each loaded, by name."""

    before: set[str]
    loaded: Mapping[str, tuple[set[str], set[str]]]
    errors: Mapping[str, str]

    def of(self, name: str) -> tuple[set[str], set[str]]:
        """Return the modules of ours and all packages that a function loads."""
        assert self.errors[name] == ""
        return self.loaded[name]


def started(
    options: list[str], folders: list[Path], packages: list[str], names: list[str]
) -> Starts:
    """Build use cases, each in a process that has *packages* imported already."""
    done = subprocess.run(
        [sys.executable, *options, "-c", BUILD, *map(json.dumps, (packages, names))],
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
    before, *lines = map(json.loads, done.stdout.splitlines())
    return Starts(
        set(before),
        {name: (set(ours), set(roots)) for name, ours, roots, _ in lines},
        {name: error for name, _, _, error in lines},
    )


@pytest.fixture(name="starts", scope="module")
def _starts() -> Starts:
    """Start every function that has a bound, beside packages that are not ours."""
    return started([], [ROOT, LAYER], list(MODULES), list(BOUNDS))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_function_loads_what_its_source_imports(starts: Starts, name: str) -> None:
    assert not {"masking", "functions"} & starts.before
    ours, _ = starts.of(name)

    found = closure_of(name)
    loaded = {module for module in ours if holds_code(module)}
    # A store is loaded when it is first used.
    assert {module for module in found.modules if holds_code(module)} <= loaded
    assert loaded <= found.ours


# Imports handlers as Lambda does, each in a process of its own, as above; prints what
# was made, and what of it was imported.
START = """
import importlib, json, os, sys
packages, starts = map(json.loads, sys.argv[1:])
for package in packages:
    importlib.import_module(package)
for module, named, environment in starts:
    if os.fork():
        os.wait()
        continue
    os.environ.update(environment)
    importlib.import_module(f"functions.{module}.app")
    from masking import wiring
    made = vars(wiring.services()) if wiring.services.cache_info().currsize else {}
    imported = [name for name in named if name in sys.modules]
    print(json.dumps([module, sorted(made), imported]), flush=True)
    os._exit(0)
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


# What a handler makes while it is imported, and the modules that it imports.
Begun = tuple[list[str], list[str]]


def begun(environments: Mapping[str, Mapping[str, str]]) -> dict[str, Begun]:
    """Import handlers, by their names, each with the environment that is given."""
    starts = [(name, PREPARED[name], each) for name, each in environments.items()]
    done = subprocess.run(
        [sys.executable, "-c", START, *map(json.dumps, (MODULES, starts))],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(LAYER)]),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = map(json.loads, done.stdout.splitlines())
    return {name: (made, imported) for name, made, imported in found}


TABLE = {"TABLE_NAME": "table", "RETENTION_DAYS": "400"}


@pytest.fixture(name="prepared", scope="module")
def _prepared() -> dict[str, Begun]:
    """Start every function that somebody waits for."""
    return begun(
        {name: {"AWS_LAMBDA_FUNCTION_NAME": name, **TABLE} for name in PREPARED}
    )


@pytest.mark.parametrize("name", PREPARED)
def test_a_function_that_somebody_waits_for_is_prepared_while_it_starts(
    prepared: Mapping[str, Begun], name: str
) -> None:
    made, imported = prepared[name]

    assert {"stores", "_read_secret"} <= set(made)
    assert imported == PREPARED[name]


def test_nothing_is_made_where_no_function_starts() -> None:
    assert begun({"create_session": TABLE}) == {"create_session": ([], [])}


def test_a_setting_that_is_missing_ends_no_start() -> None:
    found = begun({"answer_call": {"AWS_LAMBDA_FUNCTION_NAME": "answer_call"}})
    made, _ = found["answer_call"]

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


@pytest.fixture(name="bare_starts", scope="module")
def _bare_starts() -> Starts:
    """Start every function without the packages of the tests."""
    folders = [ROOT, LAYER, environments.LAYER]
    every = ["aws_lambda_powertools", "botocore.config", "botocore.session"]
    return started(["-S"], folders, every, NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_imports_of_the_dependency_layer_what_it_needs_alone(
    bare_starts: Starts, name: str
) -> None:
    _, roots = bare_starts.of(name)

    installed = {path.name.removesuffix(".py") for path in environments.LAYER.iterdir()}
    assert bare_starts.before & installed <= ALWAYS
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
