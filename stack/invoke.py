"""Invoke one function of the running stack, as ``make invoke`` does."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.environments import ROOT
from stack.running import RunningStack


class InvokeError(Exception):
    """There is nothing to invoke; the message is for the user."""


@dataclass(frozen=True)
class Invocation:
    """What a function answered and logged; *failed* says that it raised."""

    answer: Any
    log: str
    failed: bool


def invoke(stack: RunningStack, function: str, event_file: Path | None) -> Invocation:
    """Invoke *function* (its folder's name) through the Lambda API.

    Args:
        stack: The stack that runs it.
        function: Folder under ``functions/``, such as ``create_session``.
        event_file: Its event; by default ``events/<function>.json``.

    Raises:
        InvokeError: No such function, or its event can't be read.
    """
    names = stack.function_names()
    if function not in names:
        raise InvokeError(
            f"There is no function {function!r}; "
            f"deployed are {', '.join(sorted(names))}."
        )
    event = _read(event_file or ROOT / "events" / f"{function}.json")
    answered = stack.aws.client("lambda").invoke(
        FunctionName=names[function],
        Payload=json.dumps(event).encode(),
        LogType="Tail",
    )
    payload = answered["Payload"].read()
    return Invocation(
        answer=json.loads(payload) if payload else None,
        log=base64.b64decode(answered.get("LogResult", "")).decode(),
        failed="FunctionError" in answered,
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InvokeError(f"There is no event file {path}.") from None
    except json.JSONDecodeError as error:
        raise InvokeError(f"{path} is not JSON: {error}.") from error
