"""Test calls on the clock that ask for a PIN."""

from __future__ import annotations

import pytest

from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome

from .stage import (
    ALICE,
    BOB,
    PIN_TERMS,
    STRANGER,
    Stage,
)

pytestmark = pytest.mark.anyio

CAROL = "+12025550102"


async def test_c13_a_stranger_with_the_right_pin_is_connected_at_the_second_try(
    stage: Stage,
) -> None:
    talk = stage.create(**PIN_TERMS)

    call = await stage.whole_call(STRANGER, talk, digits=["9999", "1111"])

    assert call.outcome is Outcome.CONNECTED
    assert call.legs[Leg.CALLEE].number == BOB.removeprefix("+")
    told = stage.attributes_of("SessionPinAuthenticationStatus")
    assert told["PinAuthenticationStatus"] == "success"
    assert told["PinRetryCounter"] == 1


async def test_c13_the_wait_between_tries_is_pin_retry_wait(stage: Stage) -> None:
    talk = stage.create(**PIN_TERMS, pin_retry_wait=9)

    call = stage.call(STRANGER, talk, digits=["9999", "1111"])
    # Prompt 2 s, typing 0.5, wrong-PIN audio 1, wait 9, prompt 2, typing 0.5.
    await stage.pass_time(14.9)
    assert Leg.CALLEE not in call.legs
    await stage.pass_time(0.2)

    assert Leg.CALLEE in call.legs


@pytest.mark.parametrize("digits", [["9999", "8888"], ["", ""], []])
async def test_c14_wrong_pins_and_silence_end_the_same(
    stage: Stage, digits: list[str]
) -> None:
    talk = stage.create(**PIN_TERMS)

    call = await stage.whole_call(STRANGER, talk, digits=digits)

    assert call.outcome is Outcome.PIN_FAILED
    assert stage.events("SessionTimeout") == [
        "SessionPinAuthenticationStatus",
        "SessionFirstPartyHangup",
        "SessionPartiesHangup",
    ]
    told = stage.attributes_of("SessionPinAuthenticationStatus")
    assert told["PinAuthenticationStatus"] == "failed"
    assert (told["From"], told["To"]) == (STRANGER.removeprefix("+"), "")


async def test_c15_a_registered_caller_needs_no_pin(stage: Stage) -> None:
    call = await stage.whole_call(ALICE, stage.create(**PIN_TERMS))

    assert call.outcome is Outcome.CONNECTED
    told = stage.attributes_of("SessionPinAuthenticationStatus")
    assert told["PinAuthenticationStatus"] == "AuthorizedCaller"


async def test_r5_a_caller_who_failed_the_pin_is_never_called_back(
    stage: Stage,
) -> None:
    talk = stage.create(
        first_party=None, create_session_with_single_party=True, **PIN_TERMS
    )

    stage.call(STRANGER, talk, digits=["9999", "9998"])
    await stage.pass_time(60)
    call_back = stage.call(BOB, talk)
    await stage.pass_time(60)

    assert call_back.outcome is Outcome.NO_COUNTERPART


async def test_a_person_types_a_pin_while_the_prompt_still_plays(stage: Stage) -> None:
    call = stage.call(STRANGER, stage.create(**PIN_TERMS), answer="manual")
    await stage.pass_time(1)

    stage.act(call, "digits", Leg.CALLER, "2222")
    await stage.pass_time(0.1)

    assert call.legs[Leg.CALLEE].number == ALICE.removeprefix("+")
