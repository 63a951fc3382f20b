"""The changes to ministack: each private name is there, or the start says so."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest

from stack.environments import AWS, ENVIRONMENTS, ROOT, interpreter

# Patches ministack after each change to it, in a process of its own, forked from one
# that has imported it; prints what is said.
PATCH = """
import contextlib, importlib, io, json, os, sys, tempfile, traceback
from pathlib import Path
from stack.aws import patches
modules, changes = map(json.loads, sys.argv[1:])
for module in modules:
    importlib.import_module(f"ministack.{module}")
import ministack
from ministack.core import lambda_runtime
from ministack.services import eventbridge, lambda_svc, scheduler

def patch():
    try:
        patches.patch_emulator(Path("/opt/bare/bin/python"))
        with tempfile.TemporaryDirectory() as folder:
            patches.keep_state(Path(folder))
    except patches.UnknownEmulatorError as error:
        print(error)
        return
    print(eventbridge._SCHEDULER_TICK_INTERVAL, scheduler._SCHEDULE_TICK_INTERVAL)
    print(lambda_runtime._detect_runtime_binary("python3.13")[0])
    print(lambda_runtime._detect_runtime_binary("nodejs22.x")[0])
    answer = lambda_svc.lambda_execute_result_to_api_proxy_response
    print(answer({"error": True, "body": {"errorMessage": "secret detail"}}))
    print(answer({"body": {"statusCode": 502, "body": "mine"}}))

for change in changes:
    if os.fork():
        os.wait()
        continue
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            exec(change)
            patch()
        except BaseException:
            traceback.print_exc(file=said)
    print(json.dumps([change, said.getvalue().splitlines()]), flush=True)
    os._exit(0)
"""

# Names that are gone, with their modules.
GONE = [
    ("services.eventbridge", "_SCHEDULER_TICK_INTERVAL"),
    ("services.scheduler", "_SCHEDULE_TICK_INTERVAL"),
    ("core.lambda_runtime", "_detect_runtime_binary"),
    ("core.lambda_runtime", "subprocess"),
    ("core.lambda_runtime", "Worker._drain_stderr_bounded"),
    ("services.lambda_svc", "lambda_execute_result_to_api_proxy_response"),
    ("core.lambda_runtime", "_workers"),
    ("services.lambda_svc", "acquire_worker"),
    ("services.lambda_svc", "release_worker"),
    ("core.iam_actions", "dynamodb_service_context"),
    ("core.iam_actions", "extract_iam_action"),
    ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("services.secretsmanager", "_resolve"),
    ("services.dynamodb", "_evaluate_condition"),
    ("services.dynamodb", "_emit_stream_event"),
    ("services.lambda_svc", "_restore_esm_positions"),
    ("app", "_load_persisted_state"),
]


def without(module: str, name: str) -> str:
    """Return the change that takes a name away."""
    return f"del ministack.{module}.{name}"


NOTHING = ""
OTHER_VERSION = "patches.VERSION = '1.5.32'"


@pytest.fixture(name="said", scope="module")
def _said() -> Mapping[str, list[str]]:
    """Patch ministack after each change; return what is said, by the change."""
    if not ENVIRONMENTS["aws"].is_made():
        pytest.skip("NOT TESTED: ministack. `make stack` installs it.")
    modules = sorted({module for module, _ in GONE})
    changes = [without(module, name) for module, name in GONE]
    asked = (modules, [NOTHING, OTHER_VERSION, *changes])
    done = subprocess.run(
        [str(interpreter(AWS)), "-c", PATCH, *map(json.dumps, asked)],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_rules_tick_every_second_and_handlers_run_on_the_bare_python(
    said: Mapping[str, list[str]],
) -> None:
    ticks, python, node, error, own = said[NOTHING]

    assert ticks == "1.0 1.0"
    assert python == "/opt/bare/bin/python"
    assert node == "node"
    assert "500" in error
    assert "Internal Server Error" in error
    assert "secret detail" not in error
    assert "'statusCode': 502, 'body': 'mine'" in own


def test_another_version_is_refused(
    said: Mapping[str, list[str]],
) -> None:
    [sentence] = said[OTHER_VERSION]

    assert sentence == (
        "ministack 1.5.33 is installed, but stack/aws/patches.py was written for "
        "1.5.32: read it again, then change VERSION."
    )


@pytest.mark.parametrize(("module", "name"), GONE)
def test_a_name_that_is_gone_is_a_sentence(
    said: Mapping[str, list[str]], module: str, name: str
) -> None:
    [sentence] = said[without(module, name)]

    assert sentence == (
        f"ministack.{module} has no {name} as stack/aws/patches.py knows it."
    )
