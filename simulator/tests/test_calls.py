"""Test calls on the clock: phones, timers, callbacks, records."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome

from .stage import (
    ALICE,
    BOB,
    GREETING,
    NOON,
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


async def test_digits_in_a_talk_change_nothing(stage: Stage) -> None:
    call = stage.call(ALICE, stage.create(), talk_seconds=60, ring_seconds=1)
    await stage.pass_time(10)

    stage.act(call, "digits", Leg.CALLER, "5")
    await stage.pass_time(51)

    assert call.outcome is Outcome.CONNECTED
    assert call.legs[Leg.CALLEE].duration == 60
