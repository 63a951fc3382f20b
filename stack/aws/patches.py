"""Patch ministack where it differs from AWS, by its private names, for one version.

- Handlers run on a bare interpreter, so that only their layers are importable.
- Their processes are forked from one that has imported them; see `stack.aws.prefork`.
- Rules and schedules are checked every second, not every ten.
- The wait for the log of a handler that logs nothing is 5 ms, not 50.
- When a function fails, the API answers as API Gateway does: 500, without detail.
- Roles are enforced as on AWS; see `stack.aws.role_enforcement`.
- A burst waits for warm functions; see `stack.aws.burst_limit`.
- An updated function finishes what it does; see `stack.aws.retired_workers`.
- A query parses its condition once; see `stack.aws.key_conditions`.
- A failed batch of a stream comes again; see `stack.aws.stream_mapping`.
- An alarm may be of an expression; see `stack.aws.expression_alarms`.
- What CloudWatch would measure is measured; see `stack.aws.measured`.
- Time can be skipped; see `stack.aws.passing_time`.
- Where state is kept, it is kept whole; see `stack.aws.kept_state`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import queue
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stack.aws import (
    burst_limit,
    expression_alarms,
    key_conditions,
    retired_workers,
    role_enforcement,
    stream_mapping,
)
from stack.aws.kept_state import KeptState
from stack.aws.measured import Measured
from stack.aws.passing_time import PassingTime

# Starts a process as `subprocess.Popen` does.
Popen = Callable[..., Any]

VERSION = "1.5.33"
TICK_SECONDS = 1.0
# Wait for a first line, wait after the last line, and in all: seconds.
LOG_WAITS = (0.005, 0.002, 0.250)

INTERNAL_SERVER_ERROR = {
    "statusCode": 500,
    "headers": {"Content-Type": "application/json"},
    "body": json.dumps({"message": "Internal Server Error"}),
}


class UnknownEmulatorError(Exception):
    """The installed ministack is not the one that this module was written for."""


class _Subprocess:
    """The module `subprocess`, but for how it starts a process."""

    def __init__(self, popen: Popen) -> None:
        self.Popen = popen

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def patch_emulator(function_python: Path, popen: Popen = subprocess.Popen) -> None:
    """Patch ministack in this process; handlers will run on *function_python*.

    Args:
        function_python: Interpreter for them.
        popen: Starts their processes.

    Raises:
        UnknownEmulatorError: Its version differs, or a private name is gone.
    """
    installed = importlib.metadata.version("ministack")
    if installed != VERSION:
        raise UnknownEmulatorError(
            f"ministack {installed} is installed, but stack/aws/patches.py was written "
            f"for {VERSION}: read it again, then change VERSION."
        )
    _set("services.eventbridge", "_SCHEDULER_TICK_INTERVAL", TICK_SECONDS)
    _set("services.scheduler", "_SCHEDULE_TICK_INTERVAL", TICK_SECONDS)

    runtime, detect = _find("core.lambda_runtime", "_detect_runtime_binary")
    runtime._detect_runtime_binary = _on(function_python, detect)

    _find("core.lambda_runtime", "subprocess")
    runtime.subprocess = _Subprocess(popen)

    _, worker = _find("core.lambda_runtime", "Worker")
    drain = getattr(worker, "_drain_stderr_bounded", None)
    if drain is None or len(drain.__defaults__ or ()) != len(LOG_WAITS):
        raise _gone("core.lambda_runtime", "Worker._drain_stderr_bounded")
    drain.__defaults__ = LOG_WAITS

    answer_name = "lambda_execute_result_to_api_proxy_response"
    functions, answer = _find("services.lambda_svc", answer_name)
    setattr(functions, answer_name, _hiding_errors(answer))
    _enforce_roles()
    _limit_bursts()
    _retire_workers()
    dynamodb, evaluate = _find("services.dynamodb", "_evaluate_condition")
    dynamodb._evaluate_condition = key_conditions.parsed_once(evaluate)
    _retry_streams()
    provisioners = "services.cloudformation.provisioners"
    alarms, record = _find(provisioners, "_cw_metric_alarm_record")
    alarms._cw_metric_alarm_record = expression_alarms.deployable(record)


def keep_state(folder: Path) -> KeptState:
    """Patch ministack in this process to keep its state in *folder*.

    Raises:
        UnknownEmulatorError: A private name is gone.
    """
    tables, emit = _find("services.dynamodb", "_emit_stream_event")
    for name in ("_stream_records", "_stream_trimmed", "_set_item", "_remove_item"):
        _find("services.dynamodb", name)
    _find("services.dynamodb", "_extract_key_val")
    functions, _ = _find("services.lambda_svc", "_restore_esm_positions")
    queues, _ = _find("services.sqs", "_queues")
    codec, _ = _find("core.persistence", "_json_object_hook")
    requests, _ = _find("core.responses", "get_account_id")
    emulator, load = _find("app", "_load_persisted_state")
    _, save = _find("app", "save_all")
    _find("app", "_build_persistence_save_dict")
    kept = KeptState(
        folder,
        tables=tables,
        functions=functions,
        queues=queues,
        codec=codec,
        scope=lambda: (requests.get_account_id(), requests.get_region()),
    )
    tables._emit_stream_event = kept.journaled(emit)
    emulator._load_persisted_state = kept.restored(load)
    emulator.save_all = kept.saved(save)
    return kept


def measure() -> PassingTime:
    """Patch ministack in this process to be measured; return what lets time pass.

    Before `patch_emulator`: what a stream's reader reports is no error of a function.

    Raises:
        UnknownEmulatorError: A private name is gone.
    """
    measured = Measured()
    functions, execute = _find("services.lambda_svc", "_execute_function")
    _, logs = _find("services.lambda_svc", "_emit_lambda_logs")
    _, in_flight = _find("services.lambda_svc", "executions_in_flight")
    functions._execute_function = measured.runs(execute)
    functions._emit_lambda_logs = measured.logs(logs)
    tables, handle = _find("services.dynamodb", "handle_request")
    tables.handle_request = measured.requests(handle)
    _, records = _find("services.dynamodb", "_stream_records")
    _, pauses = _find("services.lambda_svc", "_esm_backoff_until")
    _, workers = _find("core.lambda_runtime", "_workers")
    _, queues = _find("services.sqs", "_queues")
    _, lock = _find("services.sqs", "_queues_lock")
    _, rules = _find("services.eventbridge", "_rules")
    _, fired = _find("services.eventbridge", "_rule_last_fired")
    _, tick = _find("services.eventbridge", "_tick_scheduled_rules")
    return PassingTime(
        measured,
        rules=rules._data,
        fired=fired,
        queues=queues._data,
        lock=lock,
        records=records._data,
        pauses=pauses,
        tick=tick,
        late_logs=lambda: _late_logs(workers),
        in_flight=lambda: in_flight()[0],
    )


def _late_logs(workers: dict[str, list[Any]]) -> Iterator[str]:
    """Take the lines that no run waited for; of a worker at work they come yet."""
    for worker in [each for pool in list(workers.values()) for each in list(pool)]:
        with contextlib.suppress(queue.Empty):
            while not worker.in_use:
                yield worker._stderr_queue.get_nowait()


def _limit_bursts() -> None:
    runtime, _ = _find("core.lambda_runtime", "_workers")
    functions, acquire = _find("services.lambda_svc", "acquire_worker")
    _, release = _find("services.lambda_svc", "release_worker")

    def working() -> Counter[str]:
        # By "account:region:function:qualifier"; other threads add to it meanwhile.
        return Counter(
            key.split(":")[2]
            for key, pool in list(runtime._workers.items())
            for worker in list(pool)
            if worker.in_use
        )

    functions.acquire_worker, functions.release_worker = burst_limit.limit_bursts(
        acquire, release, working
    )


def _retire_workers() -> None:
    runtime, end = _find("core.lambda_runtime", "kill_workers")
    _, lock = _find("core.lambda_runtime", "_lock")
    functions, invalidate = _find("services.lambda_svc", "invalidate_worker")

    def take_busy(name: str) -> list[Any]:
        busy = []
        with lock:
            for key, pool in runtime._workers.items():
                if key.split(":")[2:] == [name, retired_workers.LATEST]:
                    busy += [worker for worker in pool if worker.in_use]
                    pool[:] = [worker for worker in pool if not worker.in_use]
        return busy

    functions.invalidate_worker = retired_workers.retired(invalidate, take_busy, end)


def _retry_streams() -> None:
    functions, execute = _find("services.lambda_svc", "_execute_function")
    _, mappings = _find("services.lambda_svc", "_esms")
    _, positions = _find("services.lambda_svc", "_dynamodb_stream_positions")
    _, lock = _find("services.lambda_svc", "_dynamodb_stream_positions_lock")
    _, report = _find("services.lambda_svc", "_send_ddb_stream_failure_record")

    def advance(mapping: dict[str, Any], records: int) -> None:
        with lock:
            positions[mapping["UUID"]] += records

    functions._execute_function = stream_mapping.retried(
        execute, lambda: list(mappings.values()), advance, report
    )


def _enforce_roles() -> None:
    conditions, context_of = _find("core.iam_actions", "dynamodb_service_context")
    conditions.dynamodb_service_context = role_enforcement.with_leading_keys(context_of)

    _, action_of = _find("core.iam_actions", "extract_iam_action")
    conditions.extract_iam_action = role_enforcement.without_batches(action_of)

    _, resource_of = _find("core.iam_actions", "extract_resource_arn")
    _, source_of = _find("services.dynamodb_streams", "_decode_iterator")
    conditions.extract_resource_arn = role_enforcement.with_streams(
        resource_of, source_of
    )

    _, handlers = _find("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    _, resolve = _find("services.secretsmanager", "_resolve")
    handlers[role_enforcement.SECRET] = role_enforcement.named_by_arn(
        handlers[role_enforcement.SECRET], lambda secret: str(resolve(secret)[0])
    )


def _on(
    function_python: Path, detect: Callable[[str], tuple[str, str]]
) -> Callable[[str], tuple[str, str]]:
    def detect_runtime_binary(runtime: str) -> tuple[str, str]:
        binary, worker_script = detect(runtime)
        if runtime.startswith("python"):
            binary = str(function_python)
        return binary, worker_script

    return detect_runtime_binary


def _hiding_errors(answer: Callable[[dict[str, Any]], Any]) -> Callable[..., Any]:
    def api_proxy_response(result: dict[str, Any]) -> Any:
        if result.get("error") and not result.get("throttle"):
            return dict(INTERNAL_SERVER_ERROR), None
        return answer(result)

    return api_proxy_response


def _find(module_name: str, name: str) -> tuple[Any, Any]:
    module = importlib.import_module(f"ministack.{module_name}")
    if not hasattr(module, name):
        raise _gone(module_name, name)
    return module, getattr(module, name)


def _set(module_name: str, name: str, value: object) -> None:
    module, _ = _find(module_name, name)
    setattr(module, name, value)


def _gone(module_name: str, name: str) -> UnknownEmulatorError:
    return UnknownEmulatorError(
        f"ministack.{module_name} has no {name} as stack/aws/patches.py knows it."
    )
