"""Test calls on the clock: phones, timers, callbacks, records."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from plivo_simulator.parameters import BadParameterError
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from plivo_simulator.sessions import end_session, replace_number, update_session

from .stage import (
    ALICE,
    BOB,
    GREETING,
    NOON,
    PIN_TERMS,
    STRANGER,
    Stage,
)

pytestmark = pytest.mark.anyio

CAROL = "+12025550102"


async def test_a_call_between_registered_parties_is_told_from_ring_to_hang_up(
    stage: Stage,
) -> None:
    talk = stage.create()

    call = await stage.whole_call(ALICE, talk, talk_seconds=30, ring_seconds=4)

    assert call.outcome is Outcome.CONNECTED
    assert stage.events() == [
        "SessionFirstPartyAnswer",
        "SessionSecondPartyRing",
        "SessionSecondPartyAnswer",
        "SessionFirstPartyHangup",
        "SessionSecondPartyHangup",
        "SessionPartiesHangup",
        "SessionTimeout",
    ]
    assert call.legs[Leg.CALLER].duration == 34
    assert call.legs[Leg.CALLEE].duration == 30


async def test_the_callback_names_both_people_and_never_shows_plus_signs(
    stage: Stage,
) -> None:
    await stage.whole_call(BOB, stage.create(), talk_seconds=1)

    assert stage.attributes_of("SessionSecondPartyRing") == {
        "EventName": "SessionSecondPartyRing",
        "EventTimestamp": "2026-03-02 12:00:00",
        "SessionUUID": next(iter(stage.simulator.store.sessions)),
        "VirtualNumber": "12025550180",
        "SequenceNumber": "2",
        "From": "12025550101",
        "To": "12025550100",
    }


async def test_hang_up_events_carry_cost_duration_and_cause(stage: Stage) -> None:
    await stage.whole_call(ALICE, stage.create(), talk_seconds=61, ring_seconds=0)

    ended = stage.attributes_of("SessionSecondPartyHangup")
    assert ended["Duration"] == "61"
    assert ended["BilledDuration"] == "120"
    assert Decimal(ended["Amount"]) == Decimal("0.0170")
    assert ended["PlivoHangupCause"] == "Normal Hangup"
    assert ended["PlivoHangupCauseCode"] == 4000
    whole = stage.attributes_of("SessionPartiesHangup")
    assert (whole["Duration"], whole["BilledDuration"]) == ("122", "240")


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [
        ("busy", 3010, Outcome.BUSY),
        ("rejected", 3020, Outcome.REJECTED),
        ("no_answer", 3000, Outcome.NO_ANSWER),
        (False, 3000, Outcome.NO_ANSWER),
        ("invalid", 2000, Outcome.FAILED),
        ("failed", 2010, Outcome.FAILED),
        ("barred", 2030, Outcome.FAILED),
    ],
)
async def test_why_a_phone_did_not_answer_is_in_the_hangup_cause(
    stage: Stage, answer: object, code: int, outcome: Outcome
) -> None:
    call = await stage.whole_call(ALICE, stage.create(), answer=answer)

    assert call.outcome is outcome
    assert (
        stage.attributes_of("SessionSecondPartyHangup")["PlivoHangupCauseCode"] == code
    )
    assert stage.attributes_of("SessionPartiesHangup")["PlivoHangupCauseCode"] == code
    assert "SessionSecondPartyAnswer" not in stage.events()


async def test_c2_ringing_stops_at_ring_timeout_to_the_second(stage: Stage) -> None:
    call = stage.call(ALICE, stage.create(ring_timeout=20), answer="ring")

    await stage.pass_time(19.9)
    assert call.ended_at is None
    await stage.pass_time(0.2)

    assert call.ended_at == NOON + timedelta(seconds=20)
    assert call.outcome is Outcome.NO_ANSWER
    assert (
        stage.attributes_of("SessionSecondPartyHangup")["PlivoHangupCauseCode"] == 6010
    )


async def test_c3_a_phone_in_a_call_is_busy(stage: Stage) -> None:
    with_alice = stage.create()
    with_carol = stage.create(first_party=CAROL)

    stage.call(ALICE, with_alice, talk_seconds=60)
    await stage.pass_time(5)
    second = stage.call(CAROL, with_carol)
    await stage.pass_time(1)

    assert second.outcome is Outcome.BUSY


async def test_c7_a_caller_gives_up_after_a_while(stage: Stage) -> None:
    call = await stage.whole_call(
        ALICE, stage.create(), answer="ring", gives_up_after=8
    )

    assert call.outcome is Outcome.CANCELLED
    assert call.legs[Leg.CALLEE].status == "cancel"
    assert call.ended_at == NOON + timedelta(seconds=8)


async def test_c8_call_time_limit_cuts_the_talk(stage: Stage) -> None:
    talk = stage.create(call_time_limit=60)

    call = await stage.whole_call(ALICE, talk, talk_seconds=500, ring_seconds=2)

    assert call.outcome is Outcome.TIME_LIMIT
    assert call.ended_at == NOON + timedelta(seconds=62)
    assert stage.attributes_of("SessionPartiesHangup")["PlivoHangupCauseCode"] == 6000


async def test_c1_each_party_hears_its_audio_before_the_bridge(stage: Stage) -> None:
    talk = stage.create(first_party_play_url=GREETING, second_party_play_url=GREETING)

    call = await stage.whole_call(ALICE, talk, talk_seconds=10, ring_seconds=1)

    # Three seconds of greeting for each, one of ringing, ten of talk.
    assert call.legs[Leg.CALLER].duration == 17
    assert call.legs[Leg.CALLEE].duration == 13


async def test_c9_a_recording_lasts_as_long_as_the_talk(stage: Stage) -> None:
    talk = stage.create(record=True, record_file_format="wav")

    call = await stage.whole_call(ALICE, talk, talk_seconds=12, ring_seconds=5)

    completed = stage.attributes_of("SessionRecordingCompleted")
    assert completed["RecordingDuration"] == "12"
    assert completed["RecordingFormat"] == ".wav"
    assert completed["RecordingUUID"] == call.recording_id
    assert completed["RecordingStartTime"] == "2026-03-02 12:00:05"
    assert completed["RecordingEndTime"] == "2026-03-02 12:00:17"
    assert str(completed["RecordingURL"]).endswith(f"/{call.recording_id}.wav")
    assert str(completed["RecordingResourceURL"]).endswith(
        f"/Recording/{call.recording_id}/"
    )


async def test_c9_each_call_of_a_session_has_a_recording_of_its_own(
    stage: Stage,
) -> None:
    talk = stage.create(record=True)

    first = stage.call(ALICE, talk)
    await stage.pass_time(60)
    second = stage.call(BOB, talk)
    await stage.pass_time(60)

    assert first.recording_id
    assert second.recording_id
    assert first.recording_id != second.recording_id
    assert talk.calls == [first.call_uuid, second.call_uuid]


async def test_c10_a_recording_that_fails_to_start_is_told(stage: Stage) -> None:
    stage.simulator.faults.arm({"recording_fails_to_start": {"times": 1}})

    call = await stage.whole_call(ALICE, stage.create(record=True))

    assert call.outcome is Outcome.CONNECTED
    assert not call.recording_id
    failed = stage.attributes_of("SessionRecordingFailed")
    assert "RecordingUUID" not in failed
    assert "SessionRecordingCompleted" not in stage.events()


async def test_c11_a_requested_call_shows_both_the_virtual_number(stage: Stage) -> None:
    talk = stage.create(initiate_call_to_first_party=True)
    await stage.pass_time(60)

    (call,) = stage.simulator.store.calls.values()
    rings = [line for line in call.history if line["what"] == "ringing"]
    assert call.direction == "outbound"
    assert call.outcome is Outcome.CONNECTED
    assert [line["leg"] for line in rings] == [Leg.CALLER, Leg.CALLEE]
    assert {line["caller_id"] for line in rings} == {talk.virtual_number}


async def test_c12_a_requested_call_nobody_answers_has_one_leg(stage: Stage) -> None:
    stage.simulator.engine.default_plan = stage.simulator.engine.plan_of(
        "", {"answer": "ring"}
    )
    stage.create(initiate_call_to_first_party=True, ring_timeout=15)
    await stage.pass_time(16)

    (call,) = stage.simulator.store.calls.values()
    assert list(call.legs) == [Leg.CALLER]
    assert stage.events() == ["SessionFirstPartyHangup", "SessionPartiesHangup"]


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


@pytest.mark.parametrize(
    ("cuts", "outcome", "lasts"),
    [("off", Outcome.CONNECTED, 100), ("on", Outcome.TIME_LIMIT, 59)],
)
async def test_c16_what_expiry_does_to_a_call_is_a_switch(
    stage: Stage, cuts: str, outcome: Outcome, lasts: int
) -> None:
    stage.simulator.switches.set({"expiry_cuts_call": cuts})
    talk = stage.create(session_expiry=60)

    call = await stage.whole_call(ALICE, talk, talk_seconds=100, ring_seconds=1)

    assert call.outcome is outcome
    assert call.legs[Leg.CALLEE].duration == lasts


async def test_r4_r5_a_call_back_goes_to_the_last_stranger(stage: Stage) -> None:
    talk = stage.create(second_party=None, create_session_with_single_party=True)

    await_stranger = stage.call(STRANGER, talk)
    await stage.pass_time(30)
    call_back = stage.call(ALICE, talk)
    await stage.pass_time(30)

    assert await_stranger.legs[Leg.CALLEE].number == ALICE.removeprefix("+")
    assert call_back.legs[Leg.CALLEE].number == STRANGER.removeprefix("+")


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


async def test_r14_a_party_added_by_an_update_takes_the_strangers_place(
    stage: Stage,
) -> None:
    talk = stage.create(second_party=None, create_session_with_single_party=True)
    stage.call(STRANGER, talk)
    await stage.pass_time(30)

    update_session(stage.simulator, talk, {"second_party": CAROL})
    call_back = stage.call(ALICE, talk)
    await stage.pass_time(30)

    assert call_back.legs[Leg.CALLEE].number == CAROL.removeprefix("+")


async def test_s5_a_party_can_only_be_added_to_a_single_party_session(
    stage: Stage,
) -> None:
    talk = stage.create()

    with pytest.raises(BadParameterError, match="second_party cannot be updated"):
        update_session(stage.simulator, talk, {"second_party": CAROL})


async def test_n4_a_lone_second_party_decides_the_country(stage: Stage) -> None:
    talk = stage.create(
        first_party=None,
        second_party="+442079460001",
        create_session_with_single_party=True,
    )

    assert talk.virtual_number.startswith("4420")


async def test_n6_cool_off_keeps_the_number_from_its_parties_for_a_while(
    stage: Stage,
) -> None:
    first = stage.create(virtual_number_cooloff_period=300)
    await stage.pass_time(10)
    end_session(stage.simulator, first)

    during = stage.create(second_party=CAROL)
    others = stage.create(first_party="+12025550103", second_party="+12025550104")
    end_session(stage.simulator, during)
    await stage.pass_time(301)
    after = stage.create()

    assert during.virtual_number != first.virtual_number
    assert others.virtual_number == first.virtual_number
    assert after.virtual_number == first.virtual_number


async def test_a_freed_number_is_handed_out_again_at_once(stage: Stage) -> None:
    first = stage.create()
    end_session(stage.simulator, first)

    assert stage.create(second_party=CAROL).virtual_number == first.virtual_number


async def test_r15_s4_a_replaced_number_is_told_and_the_old_one_is_dead(
    stage: Stage,
) -> None:
    talk = stage.create()
    old = talk.virtual_number

    replace_number(stage.simulator, talk)
    await stage.pass_time(0)
    by_the_new = await stage.whole_call(ALICE, talk)
    by_the_old = stage.simulator.engine.place_call("12025550100", old, {})
    await stage.pass_time(60)

    assert stage.attributes_of("SessionVirtualNumberReplaced")["VirtualNumber"] != old
    assert by_the_new.outcome is Outcome.CONNECTED
    assert by_the_old.outcome is Outcome.HANDED_OVER


async def test_s1_expiry_is_told_in_its_very_second(stage: Stage) -> None:
    talk = stage.create(session_expiry=90)

    await stage.pass_time(89.9)
    assert stage.events() == []
    await stage.pass_time(0.2)

    assert (
        stage.attributes_of("SessionTimeout")["EventTimestamp"] == "2026-03-02 12:01:30"
    )
    assert not talk.is_live(stage.simulator.clock.now())


async def test_s2_an_extension_moves_the_expiry_and_counts_from_now(
    stage: Stage,
) -> None:
    talk = stage.create(session_expiry=60)
    await stage.pass_time(50)

    update_session(stage.simulator, talk, {"session_expiry": 100})
    await stage.pass_time(99)

    assert stage.events() == []
    assert talk.duration == 150
    await stage.pass_time(2)
    assert stage.events() == ["SessionTimeout"]


@pytest.mark.parametrize(("switch", "told"), [("off", 0), ("on", 1)])
async def test_s3_whether_a_delete_sends_session_timeout_is_a_switch(
    stage: Stage, switch: str, told: int
) -> None:
    stage.simulator.switches.set({"timeout_on_delete": switch})

    end_session(stage.simulator, stage.create())
    await stage.pass_time(4000)

    assert len(stage.events()) == told


async def test_a_person_answers_declines_and_hangs_up(stage: Stage) -> None:
    talk = stage.create()
    call = stage.call(ALICE, talk, answer="manual", manual_caller=True)
    await stage.pass_time(7)
    stage.act(call, "answer", Leg.CALLEE)
    await stage.pass_time(20)
    stage.act(call, "hangup", Leg.CALLEE)
    await stage.pass_time(0)

    declined = stage.call(ALICE, talk, answer="manual", manual_caller=True)
    await stage.pass_time(3)
    stage.act(declined, "decline", Leg.CALLEE)
    await stage.pass_time(0)

    assert call.outcome is Outcome.CONNECTED
    assert call.legs[Leg.CALLEE].duration == 20
    assert call.legs[Leg.CALLEE].ended_by == "Callee"
    assert declined.outcome is Outcome.REJECTED


async def test_a_person_types_a_pin_while_the_prompt_still_plays(stage: Stage) -> None:
    call = stage.call(STRANGER, stage.create(**PIN_TERMS), answer="manual")
    await stage.pass_time(1)

    stage.act(call, "digits", Leg.CALLER, "2222")
    await stage.pass_time(0.1)

    assert call.legs[Leg.CALLEE].number == ALICE.removeprefix("+")


async def test_digits_in_a_talk_change_nothing(stage: Stage) -> None:
    call = stage.call(ALICE, stage.create(), talk_seconds=60, ring_seconds=1)
    await stage.pass_time(10)

    stage.act(call, "digits", Leg.CALLER, "5")
    await stage.pass_time(51)

    assert call.outcome is Outcome.CONNECTED
    assert call.legs[Leg.CALLEE].duration == 60
