"""The changes to ministack: each private name is there, or the start says so."""

from __future__ import annotations

import subprocess

import pytest

from stack.environments import AWS, ENVIRONMENTS, ROOT, interpreter

PATCH = """
import tempfile
from pathlib import Path
from stack.aws import patches
{change}
try:
    patches.patch_emulator(Path("/opt/bare/bin/python"))
    with tempfile.TemporaryDirectory() as folder:
        patches.keep_state(Path(folder))
except patches.UnknownEmulatorError as error:
    print(error)
else:
    from ministack.core import lambda_runtime
    from ministack.services import eventbridge, lambda_svc, scheduler
    print(eventbridge._SCHEDULER_TICK_INTERVAL, scheduler._SCHEDULE_TICK_INTERVAL)
    print(lambda_runtime._detect_runtime_binary("python3.13")[0])
    print(lambda_runtime._detect_runtime_binary("nodejs22.x")[0])
    answer = lambda_svc.lambda_execute_result_to_api_proxy_response
    print(answer({{"error": True, "body": {{"errorMessage": "secret detail"}}}}))
    print(answer({{"body": {{"statusCode": 502, "body": "mine"}}}}))
"""


def _patch(change: str = "") -> list[str]:
    if not ENVIRONMENTS["aws"].is_made():
        pytest.skip("NOT TESTED: ministack. `make stack` installs it.")
    done = subprocess.run(
        [str(interpreter(AWS)), "-c", PATCH.format(change=change)],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_rules_tick_every_second_and_handlers_run_on_the_bare_python() -> None:
    ticks, python, node, error, own = _patch()

    assert ticks == "1.0 1.0"
    assert python == "/opt/bare/bin/python"
    assert node == "node"
    assert "500" in error
    assert "Internal Server Error" in error
    assert "secret detail" not in error
    assert "'statusCode': 502, 'body': 'mine'" in own


def test_another_version_is_refused() -> None:
    [sentence] = _patch("patches.VERSION = '1.5.32'")

    assert sentence == (
        "ministack 1.5.33 is installed, but stack/aws/patches.py was written for "
        "1.5.32: read it again, then change VERSION."
    )


@pytest.mark.parametrize(
    ("module", "name", "shown"),
    [
        ("services.eventbridge", "_SCHEDULER_TICK_INTERVAL", None),
        ("services.scheduler", "_SCHEDULE_TICK_INTERVAL", None),
        ("core.lambda_runtime", "_detect_runtime_binary", None),
        ("core.lambda_runtime", "subprocess", None),
        (
            "core.lambda_runtime",
            "Worker._drain_stderr_bounded",
            "Worker._drain_stderr_bounded",
        ),
        ("services.lambda_svc", "lambda_execute_result_to_api_proxy_response", None),
        ("core.lambda_runtime", "_workers", None),
        ("services.lambda_svc", "acquire_worker", None),
        ("services.lambda_svc", "release_worker", None),
        ("core.iam_actions", "dynamodb_service_context", None),
        ("core.iam_actions", "extract_iam_action", None),
        ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS", None),
        ("services.secretsmanager", "_resolve", None),
        ("services.dynamodb", "_evaluate_condition", None),
        ("services.dynamodb", "_emit_stream_event", None),
        ("services.lambda_svc", "_restore_esm_positions", None),
        ("app", "_load_persisted_state", None),
    ],
)
def test_a_name_that_is_gone_is_a_sentence(
    module: str, name: str, shown: str | None
) -> None:
    [sentence] = _patch(f"import ministack.{module}; del ministack.{module}.{name}")

    assert sentence == (
        f"ministack.{module} has no {shown or name} as stack/aws/patches.py knows it."
    )
