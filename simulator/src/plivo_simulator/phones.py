"""Decide how a phone behaves that rings, or that calls.

A *plan* is a script. A number without one follows the default plan; a number whose
plan is manual waits for a person, who acts through the control API or the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .rules.model import (
    BUSY,
    COUNTRY_BARRED,
    INVALID_DESTINATION,
    NO_ANSWER,
    OUT_OF_SERVICE,
    REJECTED,
    Cause,
    Leg,
)

MANUAL = "manual"
REFUSALS: Mapping[str, Cause] = {
    "busy": BUSY,
    "rejected": REJECTED,
    "no_answer": NO_ANSWER,
    "invalid": INVALID_DESTINATION,
    "failed": OUT_OF_SERVICE,
    "barred": COUNTRY_BARRED,
}
RING_ON = "ring"
MAX_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A script for one call. Durations are simulated seconds.

    *answer*: `yes`, `manual`, `ring` (never picks up, so the ring times out), or one
    of the refusals. *gives_up_after*: the caller hangs up while it still rings.
    *digits*: what the caller enters each time it is asked; "" enters nothing.
    """

    answer: str = "yes"
    ring_seconds: float = 1.0
    talk_seconds: float = 2.0
    hangup_by: Leg = Leg.CALLER
    digits: tuple[str, ...] = ()
    gives_up_after: float | None = None
    manual_caller: bool = False


def read_plan(body: Mapping[str, Any], base: Plan) -> Plan:
    """Return *base* changed by a control API body. Raise ValueError saying why not."""
    answer = body.get("answer", base.answer)
    if isinstance(answer, bool):
        answer = "yes" if answer else "no_answer"
    if answer not in ("yes", MANUAL, RING_ON, *REFUSALS):
        allowed = ", ".join(("true", "false", MANUAL, RING_ON, *REFUSALS))
        raise ValueError(f"answer must be one of {allowed}")
    digits = body.get("digits", base.digits)
    if not isinstance(digits, list | tuple):
        raise ValueError("digits must be a list, one entry for each time of asking")
    try:
        hangup_by = Leg(body.get("hangup_by", base.hangup_by))
    except ValueError:
        raise ValueError("hangup_by must be caller or callee") from None
    gives_up = body.get("gives_up_after", base.gives_up_after)
    manual_caller = body.get("manual_caller", base.manual_caller)
    return replace(
        base,
        answer=answer,
        ring_seconds=_seconds(body, "ring_seconds", base.ring_seconds),
        talk_seconds=_seconds(body, "talk_seconds", base.talk_seconds),
        hangup_by=hangup_by,
        digits=tuple(str(entry or "") for entry in digits),
        gives_up_after=(
            None if gives_up is None else _seconds(body, "gives_up_after", 0)
        ),
        manual_caller=bool(manual_caller),
    )


def _seconds(body: Mapping[str, Any], name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number of seconds")
    if not 0 <= value <= MAX_SECONDS:
        raise ValueError(f"{name} must be between 0 and {MAX_SECONDS:.0f}")
    return float(value)
