"""Test the flow of a call that asks for a PIN: rows C13 to C17."""

from __future__ import annotations

from typing import Any

import pytest

from plivo_simulator.rules.flow import inbound
from plivo_simulator.rules.model import (
    NORMAL,
    Leg,
)
from plivo_simulator.rules.routing import AskPin
from plivo_simulator.rules.steps import (
    Answer,
    Gather,
    Gone,
    HangUp,
    Moment,
    Outcome,
    Pause,
    Play,
    Pressed,
    Ring,
)

from .dialogue import connected, dialogue
from .made_up_sessions import (
    ALICE,
    NUMBER,
    PROMPT,
    WRONG,
    with_pin,
)

GREETING, WARNING = "https://audio.example/hi.mp3", "https://audio.example/warn.mp3"
CALLER_LEFT, CALLEE_LEFT = Gone(Leg.CALLER), Gone(Leg.CALLEE)


def test_c13_after_a_wrong_pin_the_caller_waits_and_tries_again() -> None:
    locked = with_pin(pin_retry=1, pin_retry_wait=7)
    question = AskPin(locked, (locked,))

    steps, outcome = dialogue(
        inbound(question), None, Pressed("9999"), None, None, None, Pressed("1111")
    )

    assert outcome is Outcome.CONNECTED
    assert steps[:9] == [
        Answer(),
        Play(Leg.CALLER, PROMPT, keys=True),
        Gather(5),
        Play(Leg.CALLER, WRONG),
        Pause(7),
        Play(Leg.CALLER, PROMPT, keys=True),
        Gather(5),
        (Moment.PIN_CHECKED, "success", 1),
        Moment.NUMBER_ANSWERED,
    ]


def test_c13_digits_during_the_prompt_are_taken() -> None:
    locked = with_pin()

    steps, outcome = dialogue(inbound(AskPin(locked, (locked,))), Pressed("2222"))

    assert outcome is Outcome.CONNECTED
    assert Gather(5) not in steps
    assert Ring(Leg.CALLEE, ALICE, NUMBER, 45) in steps


@pytest.mark.parametrize("entered", [Pressed("9999"), None])
def test_c14_when_the_tries_are_used_up_failure_is_told(entered: Any) -> None:
    locked = with_pin(pin_retry=0)

    steps, outcome = dialogue(inbound(AskPin(locked, (locked,))), None, entered)

    assert outcome is Outcome.PIN_FAILED
    assert steps[-4:] == [
        (Moment.PIN_CHECKED, "failed", 0),
        HangUp(Leg.CALLER, NORMAL),
        Moment.FIRST_ENDED,
        Moment.CALL_ENDED,
    ]


def test_c15_a_registered_caller_is_told_to_be_authorized() -> None:
    steps, outcome = dialogue(inbound(connected(with_pin())))

    assert outcome is Outcome.CONNECTED
    assert steps[1] == (Moment.PIN_CHECKED, "AuthorizedCaller", 0)


def test_c17_a_caller_who_hangs_up_in_a_prompt_rings_nobody() -> None:
    locked = with_pin()

    steps, outcome = dialogue(inbound(AskPin(locked, (locked,))), CALLER_LEFT)

    assert outcome is Outcome.CANCELLED
    assert not [step for step in steps if isinstance(step, Ring)]
