"""Run the flow of a call as a dialogue of steps and replies."""

from __future__ import annotations

from typing import Any

from plivo_simulator.rules.model import Party, Session
from plivo_simulator.rules.routing import Connect
from plivo_simulator.rules.steps import (
    Flow,
    Gather,
    Moment,
    Outcome,
    Pause,
    Play,
    Record,
    Report,
    Ring,
    Talk,
)

from .made_up_sessions import BOB


def dialogue(flow: Flow, *replies: Any) -> tuple[list[Any], Outcome]:
    """Play *flow*, answering the steps that take time with *replies* in turn.

    Return the steps (a report as its moment, with its PIN fields if it has any) and
    the outcome. Missing replies mean that the step went well.
    """
    answers = list(replies)
    steps: list[Any] = []
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            assert not answers, "the flow asked for less than was answered"
            return steps, end.value
        asked = isinstance(step, Play | Gather | Pause | Ring | Talk | Record)
        reply = answers.pop(0) if asked and answers else None
        steps.append(seen(step))


def seen(step: Any) -> Any:
    """Return *step*, or of a report its moment and PIN fields."""
    if not isinstance(step, Report):
        return step
    if step.moment is Moment.PIN_CHECKED:
        return (step.moment, step.pin_status, step.pin_retries)
    return step.moment


def connected(talk: Session, party: Party = Party.FIRST, other: str = BOB) -> Connect:
    """Return the decision for a registered caller."""
    return Connect(talk, party, other, registered=True)
