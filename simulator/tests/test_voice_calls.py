"""Test what one leg hears, is asked and is recorded by; hangups, faults, limits."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from plivo_simulator.views import call_view

from .stage import GREETING, PROMPT, Stage
from .voice_stage import (
    ANSWER_URL,
    APP,
    CALLER,
    FIRST,
    HANGUP_URL,
    NUMBER,
    answer_with,
    caller_leg,
    code,
    document,
    events,
    heard,
    phone,
    start,
    told,
    whole_call,
)

pytestmark = pytest.mark.anyio

ENTERED = f'action="{APP}/entered"'


async def test_each_sound_is_heard_for_as_long_as_it_takes(stage: Stage) -> None:
    answer_with(
        stage,
        "<Speak loop='2'>one two three four five</Speak>"
        f"<Play loop='3'>{GREETING}</Play>"
        "<Wait length='9' silence='true' minSilence='3000'/><Wait/>"
        "<DTMF async='false'>12</DTMF>",
    )

    call = await whole_call(stage)

    seconds = [
        (each.what, (each.until - each.at).total_seconds())  # type: ignore[operator]
        for each in caller_leg(call).heard
    ]
    assert seconds == [("speech", 4), ("audio", 9), ("silence", 4), ("tones", 0.5)]
    assert caller_leg(call).duration == 18  # 17.5 s, as Python rounds.
    assert (code(caller_leg(call)), caller_leg(call).ended_by) == (4010, "Answer XML")


async def test_what_plays_for_ever_ends_with_the_day(stage: Stage) -> None:
    answer_with(stage, f"<Play loop='0'>{GREETING}</Play>")

    call = await whole_call(stage)

    assert caller_leg(call).duration == 86_400
    assert code(caller_leg(call)) == 6000


async def test_a_wait_first_of_all_and_pre_answer_are_not_billed(stage: Stage) -> None:
    answer_with(
        stage,
        "<Wait length='5'/><PreAnswer><Speak>one two three four five</Speak>"
        "<Wait length='3'/></PreAnswer><Hangup/>",
    )

    call = await whole_call(stage)

    leg = caller_leg(call)
    assert leg.answered_at is None
    assert leg.bill.amount == 0
    assert heard(leg) == [
        *(("silence", ""), ("speech", "one two three four five"), ("silence", "")),
    ]
    assert (leg.ended_at - leg.started_at).total_seconds() == 10  # type: ignore[operator]


@pytest.mark.parametrize(
    ("elements", "code_", "status"),
    [
        ("<Hangup/>", 3020, "failed"),
        ("<Hangup reason='rejected'/>", 3020, "failed"),
        ("<Hangup reason='busy'/>", 3010, "busy"),
        ("<Speak>Bye</Speak><Hangup/>", 4000, "completed"),
        ("<Speak>Bye</Speak><Hangup reason='busy'/>", 3010, "completed"),
    ],
)
async def test_hangup_refuses_as_the_first_element_and_ends_as_another(
    stage: Stage, elements: str, code_: int, status: str
) -> None:
    answer_with(stage, elements)

    call = await whole_call(stage)

    said = told(stage, "Hangup")
    assert code(caller_leg(call)) == code_
    assert (said["CallStatus"], said["HangupSource"]) == (status, "Answer XML")


async def test_a_hangup_may_be_scheduled(stage: Stage) -> None:
    answer_with(stage, "<Hangup schedule='7'/><Speak>Hello</Speak><Wait length='60'/>")

    call = await whole_call(stage)

    leg = caller_leg(call)
    assert (leg.ended_at - leg.started_at).total_seconds() == 7  # type: ignore[operator]
    assert (code(leg), leg.ended_by) == (6000, "Plivo")


async def test_the_end_is_told_by_two_clocks(stage: Stage) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='65'/>")

    await whole_call(stage)

    said = told(stage, "Hangup")
    assert said["SessionStart"] == "2026-03-02 12:00:00.000000"
    assert said["StartTime"] == said["AnswerTime"] == "2026-03-02 17:30:00"
    assert said["EndTime"] == "2026-03-02 17:31:05"
    assert (said["Duration"], said["BillDuration"]) == ("65", "120")
    assert (said["BillRate"], said["TotalCost"]) == ("0.0085", "0.01700")
    assert (said["HangupCause"], said["HangupCauseName"], said["HangupCauseCode"]) == (
        *("NORMAL_CLEARING", "End Of XML Instructions"),
        4010,
    )


@pytest.mark.parametrize(
    ("attributes", "typed", "said"),
    [
        ("", "123#", "123"),
        ("", "12", "12"),
        ('numDigits="2"', "1234", "12"),
        ('finishOnKey="*"', "1#2*", "1#2"),
        ('finishOnKey="none"', "1#", "1#"),
        ('finishOnKey=""', "1#", "1#"),
        ('validDigits="12"', "21", "21"),
    ],
)
async def test_digits_are_told_without_the_finishing_key(
    stage: Stage, attributes: str, typed: str, said: str
) -> None:
    answer_with(stage, f"<GetDigits {ENTERED} {attributes}/><Speak>Nothing</Speak>")
    document(stage, "entered", "<Speak>Thanks</Speak>")

    call = await whole_call(stage, digits=[typed])

    assert told(stage, "Digits")["Digits"] == said
    assert heard(caller_leg(call))[-1] == ("speech", "Thanks")


async def test_digits_are_asked_for_again_and_then_the_next_element_runs(
    stage: Stage,
) -> None:
    answer_with(
        stage,
        f"<GetDigits {ENTERED} retries='3' timeout='4' playBeep='true' validDigits='1'"
        f" invalidDigitsSound='{GREETING}'><Play>{PROMPT}</Play></GetDigits>"
        "<Speak>Nothing</Speak>",
    )

    call = await whole_call(stage, digits=["", "9", ""])

    ask = [("audio", PROMPT), ("beep", ""), ("silence", "")]
    assert heard(caller_leg(call)) == [
        *ask,
        *ask,
        ("audio", GREETING),
        *ask,
        ("speech", "Nothing"),
    ]
    assert "Digits" not in events(stage)


async def test_a_key_interrupts_the_prompt(stage: Stage) -> None:
    answer_with(
        stage, f"<GetDigits {ENTERED} numDigits='1'><Play>{GREETING}</Play></GetDigits>"
    )
    document(stage, "entered", "<Hangup/>")
    call = start(stage)
    await stage.pass_time(1)
    talk = stage.simulator.engine.voice_call(call)
    asked = talk.waits_for if talk else ""

    stage.act(call, "key", Leg.CALLER, "4")
    await stage.pass_time(0)

    assert asked == "digits"
    assert told(stage, "Digits")["Digits"] == "4"
    assert caller_leg(call).duration == 1


async def test_without_redirect_or_action_digits_do_not_change_the_flow(
    stage: Stage,
) -> None:
    answer_with(
        stage,
        f"<GetDigits {ENTERED} redirect='false'/><GetDigits/><Speak>On we go</Speak>",
    )
    document(stage, "entered", "<Speak>Never said</Speak>")

    call = await whole_call(stage, digits=["1", "2"])

    assert told(stage, "Digits")["Digits"] == "1"
    assert heard(caller_leg(call))[-1] == ("speech", "On we go")


@pytest.mark.parametrize(
    ("input_type", "entry", "said"),
    [
        ("dtmf", "12#", {"InputType": "dtmf", "Digits": "12"}),
        ("dtmf speech", "12", {"InputType": "dtmf", "Digits": "12"}),
        ("speech", "Sales please", {"InputType": "speech", "Speech": "Sales please"}),
        ("dtmf speech", "Yes", {"InputType": "speech", "Speech": "Yes"}),
    ],
)
async def test_input_is_keys_or_speech(
    stage: Stage, input_type: str, entry: str, said: dict[str, str]
) -> None:
    answer_with(
        stage,
        f"<GetInput {ENTERED} inputType='{input_type}'><Speak>Who?</Speak></GetInput>",
    )
    document(stage, "entered", "<Hangup/>")

    await whole_call(stage, digits=[entry])

    attributes = told(stage, "Digits")
    assert {name: attributes[name] for name in said} == said


@pytest.mark.parametrize(("input_type", "entry"), [("dtmf", "hello"), ("speech", "12")])
async def test_input_of_another_kind_is_none(
    stage: Stage, input_type: str, entry: str
) -> None:
    answer_with(
        stage,
        f"<GetInput {ENTERED} inputType='{input_type}' executionTimeout='20'"
        " retries='2'/><Speak>Nothing</Speak>",
    )

    call = await whole_call(stage, digits=[entry])

    assert caller_leg(call).duration == 40
    assert "Digits" not in events(stage)


async def test_digits_of_input_end_by_their_own_timeout(stage: Stage) -> None:
    answer_with(stage, f"<GetInput {ENTERED} digitEndTimeout='4' numDigits='3'/>")
    document(stage, "entered", "<Hangup/>")
    call = start(stage)
    await stage.pass_time(1)

    stage.act(call, "digits", Leg.CALLER, "1")
    await stage.pass_time(3)
    stage.act(call, "digits", Leg.CALLER, "2")
    await stage.pass_time(5)

    assert told(stage, "Digits")["Digits"] == "12"
    assert caller_leg(call).duration == 8


RECORD = f'action="{APP}/recorded" callbackUrl="{APP}/file"'


async def test_a_message_ends_by_silence_and_its_file_is_told_of(stage: Stage) -> None:
    answer_with(stage, f"<Record {RECORD} timeout='5' fileFormat='wav'/>")
    document(stage, "recorded", "<Speak>Thank you</Speak>")

    call = await whole_call(stage, talk_seconds=8)

    (recording,) = stage.simulator.store.recordings.values()
    said, file = told(stage, "Record"), told(stage, "RecordStop")
    assert heard(caller_leg(call))[:2] == [("beep", ""), ("silence", "")]
    assert said["RecordingDuration"] == file["RecordingDuration"] == "13"
    assert said["RecordingID"] == recording.recording_id
    assert str(said["RecordUrl"]).endswith(f"{recording.recording_id}.wav")
    begin, end = int(said["RecordingStartMs"]), int(said["RecordingEndMs"])
    assert end - begin == int(said["RecordingDurationMs"]) == 13_000
    assert (recording.call_uuid, recording.channels) == (call.call_uuid, "stereo")
    assert heard(caller_leg(call))[-1] == ("speech", "Thank you")


@pytest.mark.parametrize(
    ("attributes", "script", "seconds", "digits"),
    [
        ("", {"talk_seconds": 8, "digits": ["#"]}, 8, "#"),
        ('finishOnKey="12"', {"talk_seconds": 8, "digits": ["#2"]}, 8, "2"),
        ("", {"talk_seconds": 900}, 60, None),
        ('maxLength="20"', {"talk_seconds": 900}, 20, None),
    ],
)
async def test_a_message_ends_by_a_key_or_after_a_minute(
    stage: Stage,
    attributes: str,
    script: dict[str, Any],
    seconds: int,
    digits: str | None,
) -> None:
    answer_with(stage, f"<Record {RECORD} {attributes} playBeep='false'/>")
    document(stage, "recorded", "<Hangup/>")

    call = await whole_call(stage, **script)

    said = told(stage, "Record")
    assert said["RecordingDuration"] == str(seconds)
    assert said.get("Digits") == digits
    assert caller_leg(call).duration == seconds


async def test_who_hangs_up_has_left_a_message_all_the_same(stage: Stage) -> None:
    answer_with(stage, f"<Record {RECORD}/>")
    document(stage, "recorded", "<Speak>Never said</Speak>")
    call = start(stage, talk_seconds=60)
    await stage.pass_time(10)

    stage.act(call, "hangup", Leg.CALLER)
    await stage.pass_time(0)

    assert told(stage, "Record")["RecordingDurationMs"] == "9500"
    assert "RecordStop" in events(stage, "recording")
    assert heard(caller_leg(call))[-1] == ("silence", "")


async def test_a_session_is_recorded_in_the_background(stage: Stage) -> None:
    answer_with(
        stage,
        f"<Record {RECORD} recordSession='true' redirect='false' maxLength='20'/>"
        f"<Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>",
    )

    await whole_call(stage, talk_seconds=30)

    begun, file = told(stage, "Record"), told(stage, "RecordStop")
    assert (begun["RecordingDuration"], begun["RecordingEndMs"]) == ("-1", "-1")
    assert file["RecordingDuration"] == "20"


async def test_a_dial_is_recorded_from_its_answer_to_its_end(stage: Stage) -> None:
    answer_with(
        stage,
        f"<Record callbackUrl='{APP}/file' startOnDialAnswer='true' redirect='false'"
        f" maxLength='900'/><Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>"
        f"<Speak>one two three four five</Speak>",
    )
    phone(stage, FIRST, ring_seconds=10)

    await whole_call(stage, talk_seconds=30, hangup_by="callee")

    (recording,) = stage.simulator.store.recordings.values()
    assert told(stage, "RecordStop")["RecordingDurationMs"] == "30000"
    assert recording.to_number == FIRST


async def test_a_dial_that_nobody_answers_has_no_recording(stage: Stage) -> None:
    answer_with(
        stage,
        f"<Record callbackUrl='{APP}/file' startOnDialAnswer='true'/>"
        f"<Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>",
    )
    phone(stage, FIRST, answer="busy")

    await whole_call(stage)

    assert stage.simulator.store.recordings == {}
    assert events(stage, "recording") == []


async def test_a_recording_that_can_not_start_or_never_appears_is_not_told_of(
    stage: Stage,
) -> None:
    answer_with(stage, f"<Record {RECORD}/><Record {RECORD} redirect='false'/>")
    stage.simulator.faults.arm(
        {"recording_fails_to_start": {"times": 1}, "recording_never": {}}
    )

    await whole_call(stage)

    assert len(stage.simulator.store.recordings) == 1
    assert events(stage, "recording") == []
    assert events(stage).count("Record") == 1


@pytest.mark.parametrize(
    ("elements", "unreachable", "bad"),
    [
        (f"<Redirect>{APP}/next</Redirect>", 7014, 8014),
        (f"<GetDigits action='{APP}/next'/>", 7012, 8012),
    ],
)
async def test_the_cause_says_whose_document_failed(
    stage: Stage, elements: str, unreachable: int, bad: int
) -> None:
    answer_with(stage, elements)
    stage.answers[f"{APP}/next"] = httpx.Response(500)
    first = await whole_call(stage, digits=["1"])
    document(stage, "next", "<Reject/>")

    second = await whole_call(stage, digits=["1"])

    assert code(caller_leg(first)) == unreachable
    assert (code(caller_leg(second)), caller_leg(second).ended_by) == (bad, "Error")
    assert second.history[-2]["why"] == "Reject can't stand in Response"


async def test_conference_members_hear_each_other(stage: Stage) -> None:
    room = (
        f"<Conference enterSound='beep:1' callbackUrl='{APP}/room' hangupOnStar='true'"
        f" action='{APP}/left' endConferenceOnExit='true'>Standup</Conference>"
    )
    answer_with(stage, room)
    document(stage, "left", "<Speak>Bye</Speak>")
    first = start(stage)
    await stage.pass_time(10)
    second = start(stage, FIRST)
    await stage.pass_time(10)

    stage.act(first, "key", Leg.CALLER, "*")
    await stage.pass_time(10)

    assert heard(caller_leg(first)) == [
        *(("beep", ""), ("music", "Standup"), ("talk", FIRST), ("speech", "Bye")),
    ]
    assert heard(caller_leg(second))[:2] == [("beep", ""), ("talk", CALLER)]
    assert code(caller_leg(second)) == 4000
    assert events(stage, "conference") == [
        *("ConferenceEnter", "ConferenceEnter", "ConferenceExit", "ConferenceExit"),
    ]
    assert stage.simulator.engine.rooms == {}


@pytest.mark.parametrize(
    ("attributes", "seconds", "code_"),
    [("timeLimit='30'", 30, 6000), ("stayAlone='false' timeLimit='90'", 90, 6000)],
)
async def test_a_conference_has_a_time_limit(
    stage: Stage, attributes: str, seconds: int, code_: int
) -> None:
    answer_with(stage, f"<Conference {attributes}>Alone</Conference>")

    call = await whole_call(stage)

    assert (caller_leg(call).duration, code(caller_leg(call))) == (seconds, code_)


async def test_a_full_room_lets_nobody_in(stage: Stage) -> None:
    answer_with(stage, "<Conference maxMembers='1'>Small</Conference>")
    first = start(stage)
    await stage.pass_time(1)

    second = start(stage, FIRST)
    await stage.pass_time(1)

    assert second.ended_at is not None
    assert first.ended_at is None


async def test_the_eleventh_call_in_a_second_is_rejected_unheard(stage: Stage) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='30'/>")

    calls = [start(stage, f"120255501{n:02}") for n in range(11)]
    await stage.pass_time(1.5)
    later = start(stage, "12025550111")
    await stage.pass_time(60)

    assert [code(caller_leg(call)) for call in calls] == [4010] * 10 + [3010]
    assert calls[-1].outcome is Outcome.BUSY
    assert caller_leg(calls[-1]).ended_by == "Plivo"
    assert code(caller_leg(later)) == 4010
    assert events(stage).count("StartApp") == 11


@pytest.mark.parametrize(
    ("fault", "parameters", "code_", "seconds"),
    [
        ("answer_slow", {"seconds": 10}, 4010, 10),
        ("answer_slow", {"seconds": 90}, 7011, 40),
        ("answer_5xx", {}, 7011, 0),
        ("answer_bad_xml", {}, 8011, 0),
    ],
)
async def test_what_is_wrong_with_an_answer_is_a_fault(
    stage: Stage, fault: str, parameters: dict[str, float], code_: int, seconds: int
) -> None:
    answer_with(stage, "<Wait/>")
    stage.simulator.store.applications["7"].answer_url += "#rc=0"
    stage.simulator.faults.arm({fault: {"times": 1, **parameters}})

    call = await whole_call(stage)

    asked = stage.callbacks[0]
    leg = caller_leg(call)
    passed = (leg.ended_at - leg.started_at).total_seconds()  # type: ignore[operator]
    assert code(leg) == code_
    assert passed == seconds + (code_ == 4010)
    assert asked.fault == fault


async def test_an_answer_too_late_is_asked_for_again_by_its_fragment(
    stage: Stage,
) -> None:
    answer_with(stage, "<Speak>Hello</Speak>")
    stage.simulator.store.applications["7"].answer_url += "#rt=4000&rc=2&rp=all"
    stage.simulator.faults.arm({"answer_slow": {"times": 1, "seconds": 9}})
    stage.simulator.switches.set({"retry_delay": "five_seconds"})

    call = await whole_call(stage)

    asked = stage.callbacks[0]
    waited = caller_leg(call).answered_at - call.started_at  # type: ignore[operator]
    assert [a.status for a in asked.attempts] == [None, 200]
    assert asked.fault == "answer_slow"
    assert waited.total_seconds() == 4 + 5


@pytest.mark.parametrize(
    ("fault", "sent", "hangups"),
    [
        ("dial_callback_lost", 0, 1),
        ("dial_callback_doubled", 6, 1),
        ("dial_callback_late", 3, 1),
        ("hangup_lost", 3, 0),
        ("hangup_late", 3, 1),
    ],
)
async def test_callbacks_are_lost_doubled_and_late(
    stage: Stage, fault: str, sent: int, hangups: int
) -> None:
    live = f"callerId='{NUMBER}' callbackUrl='{APP}/live'"
    answer_with(stage, f"<Dial {live}><Number>{FIRST}</Number></Dial>")
    stage.simulator.faults.arm({fault: {}})

    call = await whole_call(stage)

    urls = [str(request.url) for request in stage.sent]
    assert urls.count(f"{APP}/live") == sent
    assert urls.count(HANGUP_URL) == hangups
    late = [c for c in stage.callbacks if c.fault.endswith("late")]
    for callback in late:
        waited = callback.attempts[0].at - callback.created_at
        assert waited.total_seconds() == 30
    assert call.ended_at is not None


async def test_a_callback_is_tried_again_as_its_fragment_says(stage: Stage) -> None:
    answer_with(stage, "<Speak>Hello</Speak>")
    stage.simulator.store.applications["7"].hangup_url += "#rc=2&rp=5xx"
    stage.answers[HANGUP_URL] = httpx.Response(503)

    await whole_call(stage)

    assert len(stage.callbacks[-1].attempts) == 3
    assert stage.callbacks[-1].state == "failed"


async def test_a_reset_breaks_calls_off_and_forgets_them(stage: Stage) -> None:
    answer_with(stage, f"<Dial><Number>{FIRST}</Number></Dial>")
    phone(stage, FIRST, answer="ring")
    start(stage)
    await stage.pass_time(5)

    stage.simulator.reset()
    await stage.pass_time(10)

    assert not stage.simulator.engine.is_busy(FIRST)
    assert stage.simulator.store.calls == {}


async def test_a_document_that_comes_too_late_is_of_no_use(stage: Stage) -> None:
    answer_with(stage, "<Speak>Too late</Speak>")
    stage.simulator.faults.arm({"answer_slow": {"seconds": 20}})

    call = await whole_call(stage, gives_up_after=6)

    assert heard(caller_leg(call)) == [("ringing", "")]
    assert stage.callbacks[0].state == "delivered"


async def test_a_text_is_sent_as_by_the_api_of_messages(stage: Stage) -> None:
    text = (
        f"<Message src='{NUMBER}' dst='{FIRST}' callbackUrl='{APP}/sent'>Hi</Message>"
    )
    answer_with(stage, text + "<Speak>Sent</Speak>")

    await whole_call(stage)

    (message,) = stage.simulator.store.messages.values()
    assert (message.from_number, message.to_number) == (NUMBER, FIRST)
    assert (message.text, message.state) == ("Hi", "delivered")
    assert {str(request.url) for request in stage.sent} == {
        *(ANSWER_URL, HANGUP_URL, f"{APP}/sent"),
    }


async def test_a_text_that_can_not_be_sent_is_noted_and_the_call_goes_on(
    stage: Stage,
) -> None:
    text = f"<Message src='{FIRST}' dst='{FIRST}'>Hi</Message>"
    answer_with(stage, text + "<Speak>Not sent</Speak>")

    call = await whole_call(stage)

    assert stage.simulator.store.messages == {}
    assert [n for n in call.history if n["what"] == "refused a message"]
    assert heard(caller_leg(call)) == [("speech", "Not sent")]


async def test_pre_answer_takes_what_the_sdks_nest_by_a_switch(stage: Stage) -> None:
    stage.simulator.switches.set({"nesting": "sdk"})
    answer_with(
        stage,
        f"<PreAnswer><GetDigits action='{APP}/never'/><DTMF>1</DTMF>"
        f"<GetDigits {ENTERED} numDigits='1'/></PreAnswer><Speak>Not heard</Speak>",
    )
    document(
        stage, "entered", f"<PreAnswer><Redirect>{APP}/next</Redirect></PreAnswer>"
    )
    document(stage, "next", "<Hangup/>")

    call = await whole_call(stage, digits=["", "7"])

    assert events(stage, "application") == [
        *("StartApp", "Digits", "Redirect", "Hangup"),
    ]
    assert told(stage, "Digits")["Digits"] == "7"
    assert (caller_leg(call).answered_at, code(caller_leg(call))) == (None, 3020)
    assert ("speech", "Not heard") not in heard(caller_leg(call))


async def test_the_audio_that_a_leg_hears_is_seen_while_it_plays(stage: Stage) -> None:
    answer_with(stage, f"<Play>{GREETING}</Play><Speak>Over</Speak>")
    call = start(stage)
    await stage.pass_time(1)

    view = call_view(stage.simulator, call)
    await stage.pass_time(9)
    after = call_view(stage.simulator, call)

    assert view["now_playing"] == {"leg": "caller", "url": GREETING, "keys": False}
    assert view["legs"][0]["heard"][-1]["until"] is None
    assert (view["legs"][0]["asked"], after["legs"][0]["asked"]) == (False, None)
    assert after["now_playing"] is None
