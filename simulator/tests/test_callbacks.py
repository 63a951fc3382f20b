"""Test callbacks: their events and attributes, signatures, retries and faults."""

from __future__ import annotations

import pytest

from plivo_simulator.sessions import replace_number

from .stage import ALICE, BOB, CALLBACK_URL, PIN_TERMS, RECORDING_URL, STRANGER, Stage

SESSION_EVENTS = {
    "SessionFirstPartyAnswer",
    "SessionSecondPartyRing",
    "SessionSecondPartyAnswer",
    "SessionFirstPartyHangup",
    "SessionSecondPartyHangup",
    "SessionPartiesHangup",
    "SessionPinAuthenticationStatus",
    "SessionTimeout",
    "SessionVirtualNumberReplaced",
}
SESSION_ATTRIBUTES = {
    "EventName",
    "EventTimestamp",
    "SessionUUID",
    "From",
    "To",
    "VirtualNumber",
    "PinAuthenticationStatus",
    "PinRetryCounter",
    "Amount",
    "BilledDuration",
    "Duration",
    "PlivoHangupCause",
    "PlivoHangupCauseCode",
    "SequenceNumber",
}
RECORDING_EVENTS = {
    "SessionRecordingInitiated",
    "SessionRecordingCompleted",
    "SessionRecordingFailed",
}
RECORDING_ATTRIBUTES = {
    "EventName",
    "EventTimestamp",
    "SessionUUID",
    "From",
    "To",
    "VirtualNumber",
    "RecordingUUID",
    "RecordingURL",
    "RecordingResourceURL",
    "RecordingDuration",
    "RecordingStartTime",
    "RecordingEndTime",
    "RecordingFormat",
    "SequenceNumber",
}

pytestmark = pytest.mark.anyio


async def every_scenario(stage: Stage) -> None:
    """Cause every event."""
    recorded = stage.create(record=True, **PIN_TERMS)
    stage.call(STRANGER, recorded, digits=["1111"])
    await stage.pass_time(60)
    stage.simulator.faults.arm({"recording_fails_to_start": {"times": 1}})
    stage.call(ALICE, recorded)
    await stage.pass_time(60)
    replace_number(stage.simulator, recorded)
    await stage.pass_time(4000)


async def test_every_event_and_attribute_of_the_current_generation_is_produced(
    stage: Stage,
) -> None:
    await every_scenario(stage)

    session = [c for c in stage.callbacks if c.channel == "session"]
    recording = [c for c in stage.callbacks if c.channel == "recording"]
    assert {c.event for c in session} == SESSION_EVENTS
    assert {a for c in session for a in c.attributes} == SESSION_ATTRIBUTES
    assert {c.event for c in recording} == RECORDING_EVENTS
    assert {a for c in recording for a in c.attributes} == RECORDING_ATTRIBUTES
    assert {c.url for c in session} == {CALLBACK_URL}
    assert {c.url for c in recording} == {RECORDING_URL}


async def test_the_generation_of_2024_has_no_event_for_the_whole_call(
    stage: Stage,
) -> None:
    stage.simulator.switches.set({"generation": "2024"})

    await every_scenario(stage)

    told = {c.event for c in stage.callbacks} - RECORDING_EVENTS
    assert told == SESSION_EVENTS - {"SessionPartiesHangup"}


async def test_the_generation_of_2023_tells_initiation_completion_and_failure(
    stage: Stage,
) -> None:
    stage.simulator.switches.set({"generation": "2023"})

    talk = stage.create()
    stage.call(ALICE, talk)
    await stage.pass_time(60)
    stage.call(ALICE, talk, answer="busy")
    await stage.pass_time(60)
    stage.simulator.engine.default_plan = stage.simulator.engine.plan_of(
        "", {"answer": "ring"}
    )
    stage.create(first_party="+12025550105", initiate_call_to_first_party=True)
    await stage.pass_time(60)

    assert {c.event for c in stage.callbacks} == {
        "SessionFirstPartyInitiated",
        "SessionFirstPartyRinging",
        "SessionVirtualNumberAnswer",
        "SessionFirstPartyAnswer",
        "SessionSecondPartyInitiated",
        "SessionSecondPartyRing",
        "SessionSecondPartyAnswer",
        "SessionFirstPartyComplete",
        "SessionSecondPartyComplete",
        "SessionFirstPartyFailed",
        "SessionSecondPartyFailed",
    }
    assert stage.callbacks[0].attributes["FirstParty"] == ALICE[1:]
    assert stage.callbacks[0].attributes["SecondParty"] == BOB[1:]


async def test_party_names_follow_the_leg_or_the_registration(stage: Stage) -> None:
    by_leg = stage.create()
    stage.call(BOB, by_leg)
    await stage.pass_time(30)
    names_by_leg = stage.events()

    stage.simulator.switches.set({"party_names": "by_registration"})
    stage.call(BOB, by_leg)
    await stage.pass_time(30)

    assert names_by_leg[0] == "SessionFirstPartyAnswer"
    assert stage.events()[len(names_by_leg) :] == [
        "SessionSecondPartyAnswer",
        "SessionFirstPartyAnswer",
        "SessionSecondPartyHangup",
        "SessionFirstPartyHangup",
        "SessionPartiesHangup",
    ]


@pytest.mark.parametrize(
    ("scope", "numbers"),
    [
        ("per_session", [str(n) for n in range(1, 13)]),
        ("per_call", [str(n) for n in range(1, 7)] * 2),
    ],
)
async def test_sequence_numbers_count_per_session_or_per_call(
    stage: Stage, scope: str, numbers: list[str]
) -> None:
    stage.simulator.switches.set({"sequence": scope})
    talk = stage.create()

    for _ in range(2):
        stage.call(ALICE, talk)
        await stage.pass_time(30)

    assert [c.attributes["SequenceNumber"] for c in stage.callbacks] == numbers


async def test_attributes_that_do_not_apply_are_blank_by_switch(stage: Stage) -> None:
    stage.simulator.switches.set({"attributes": "all"})

    stage.create(session_expiry=60)
    await stage.pass_time(61)

    assert set(stage.attributes_of("SessionTimeout")) == SESSION_ATTRIBUTES
    assert stage.attributes_of("SessionTimeout")["From"] == ""


async def test_a_session_without_urls_tells_nobody(stage: Stage) -> None:
    talk = stage.create(callback_url="", recording_callback_url="", record=True)

    await stage.whole_call(ALICE, talk)

    assert stage.callbacks == []
    assert stage.sent == []


async def test_one_session_is_told_in_order(stage: Stage) -> None:
    await stage.whole_call(ALICE, stage.create(record=True))

    sent = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    assert sent == [str(n) for n in range(1, len(sent) + 1)]
