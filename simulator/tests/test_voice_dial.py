"""Test Dial: who rings, who hears what, who is told what, how it ends."""

from __future__ import annotations

import pytest

from plivo_simulator.conversation import Action
from plivo_simulator.rules.model import Leg

from .stage import GREETING, Stage
from .voice_stage import (
    ANSWER_URL,
    APP,
    CALLER,
    FIRST,
    HANGUP_URL,
    NUMBER,
    OTHER_NUMBER,
    SECOND,
    THIRD,
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

AFTER = f'action="{APP}/after"'
LIVE = f'callbackUrl="{APP}/live"'
MASKED = f'callerId="{NUMBER}" callerName="Maskline"'


def dial(attributes: str = MASKED, *numbers: str) -> str:
    """Write a Dial of *numbers*, by default of the first phone."""
    inside = "".join(f"<Number>+{n}</Number>" for n in numbers or (FIRST,))
    return f"<Dial {attributes}>{inside}</Dial>"


async def test_the_number_rings_and_both_talk(stage: Stage) -> None:
    answer_with(stage, dial())

    call = await whole_call(stage, talk_seconds=61)

    (b,) = call.dialed
    assert heard(caller_leg(call)) == [("ringing", ""), ("talk", FIRST)]
    assert heard(b) == [("ringing", NUMBER), ("talk", CALLER)]
    assert (b.caller_id, b.caller_name, b.number) == (NUMBER, "Maskline", FIRST)
    assert (b.duration, b.bill.seconds, b.ended_by) == (61, 120, "Caller")
    assert (caller_leg(call).duration, code(caller_leg(call))) == (62, 4000)
    assert b.call_uuid != caller_leg(call).call_uuid == call.call_uuid


async def test_without_caller_id_the_callee_sees_the_real_caller(stage: Stage) -> None:
    answer_with(stage, dial(""))

    call = await whole_call(stage, caller_name="Alice")

    assert (call.dialed[0].caller_id, call.dialed[0].caller_name) == (CALLER, "Alice")


async def test_a_caller_id_that_is_not_rented_reaches_nobody(stage: Stage) -> None:
    answer_with(stage, dial('callerId="13125550177"'))

    call = await whole_call(stage)

    assert code(call.dialed[0]) == 3030
    assert call.dialed[0].heard == []


async def test_the_first_to_answer_is_connected_and_the_others_are_cancelled(
    stage: Stage,
) -> None:
    answer_with(stage, dial(f"{MASKED} {LIVE}", FIRST, SECOND, THIRD))
    phone(stage, FIRST, ring_seconds=5)
    phone(stage, SECOND, ring_seconds=3)
    phone(stage, THIRD, answer="busy")

    call = await whole_call(stage)

    first, second, third = call.dialed
    assert [leg.position for leg in call.dialed] == [1, 2, 3]
    assert [code(leg) for leg in call.dialed] == [1000, 4000, 3010]
    assert (first.answered_at, first.ended_by) == (None, "Plivo")
    assert second.answered_at is not None
    assert third.ended_by == "Carrier"
    assert ("talk", SECOND) in heard(caller_leg(call))
    assert events(stage, "dial") == [
        *("DialHangup", "DialAnswer", "DialConnected"),
        *("DialHangup", "DialHangup"),
    ]


async def test_callbacks_name_leg_and_cause_as_plivo_does(stage: Stage) -> None:
    answer_with(stage, dial(f"{MASKED} {LIVE}"))

    call = await whole_call(stage, talk_seconds=66, hangup_by="callee")

    answered, ended = told(stage, "DialAnswer"), told(stage, "DialHangup")
    assert answered["DialBLegFrom"] == f"+{NUMBER}"
    assert answered["DialBLegTo"] == FIRST
    assert answered["CallUUID"] == answered["DialALegUUID"] == call.call_uuid
    assert (answered["DialAction"], answered["DialBLegStatus"]) == ("answer", "answer")
    assert answered["DialBLegPosition"] == "1"
    assert ended["DialBLegUUID"] == call.dialed[0].call_uuid
    assert (ended["DialBLegDuration"], ended["DialBLegBillDuration"]) == ("66", "120")
    assert ended["DialBLegTotalCost"] == "0.01700"
    assert ended["DialBLegHangupCauseCode"] == 4000
    assert ended["DialBLegHangupCauseName"] == "Normal Hangup"
    assert ended["DialBLegHangupSource"] == "Callee"
    assert "StartTime" not in ended


@pytest.mark.parametrize(
    ("answer", "status", "cause", "code_"),
    [
        ("busy", "busy", "USER_BUSY", 3010),
        ("rejected", "failed", "CALL_REJECTED", 3020),
        ("no_answer", "no-answer", "NO_ANSWER", 3000),
        ("invalid", "failed", "UNALLOCATED_NUMBER", 2000),
        ("failed", "failed", "NETWORK_OUT_OF_ORDER", 2010),
        ("ring", "no-answer", "NO_ANSWER", 6010),
    ],
)
async def test_the_action_hears_why_nobody_answered_and_its_document_goes_on(
    stage: Stage, answer: str, status: str, cause: str, code_: int
) -> None:
    answer_with(stage, dial(f'{MASKED} {AFTER} timeout="20"'))
    document(stage, "after", "<Speak>Nobody is there</Speak>")
    phone(stage, FIRST, answer=answer)

    call = await whole_call(stage)

    said = told(stage, "DialAction")
    assert (said["DialStatus"], said["DialHangupCause"]) == (status, cause)
    assert (said["DialRingStatus"], said["DialBLegUUID"]) == ("true", "")
    assert code(call.dialed[0]) == code_
    assert heard(caller_leg(call))[-1] == ("speech", "Nobody is there")
    assert code(caller_leg(call)) == 4010


async def test_a_phone_in_a_call_is_busy_and_does_not_ring(stage: Stage) -> None:
    answer_with(stage, dial(f"{MASKED} {AFTER}"))
    document(stage, "after", "<Wait length='100'/>")
    other = start(stage, FIRST, manual_caller=True)
    await stage.pass_time(1)

    call = start(stage)
    await stage.pass_time(1)

    assert code(call.dialed[0]) == 3010
    assert told(stage, "DialAction")["DialRingStatus"] == "false"
    assert other.ended_at is None


async def test_without_redirect_the_next_element_runs_whatever_action_answers(
    stage: Stage,
) -> None:
    attributes = f'{MASKED} {AFTER} redirect="false"'
    answer_with(stage, dial(attributes) + "<Speak>In turn</Speak>")
    document(stage, "after", "<Speak>Never said</Speak>")

    call = await whole_call(stage, hangup_by="callee")

    assert told(stage, "DialAction")["DialStatus"] == "completed"
    assert told(stage, "DialAction")["DialBLegUUID"] == call.dialed[0].call_uuid
    assert heard(caller_leg(call))[-1] == ("speech", "In turn")


async def test_numbers_are_tried_in_turn_without_an_action(stage: Stage) -> None:
    answer_with(stage, dial(f'{MASKED} timeout="10"') + dial(MASKED, SECOND))
    phone(stage, FIRST, answer="ring")

    call = await whole_call(stage)

    first, second = call.dialed
    assert (code(first), first.ended_by) == (6010, "Plivo")
    assert (second.started_at - first.started_at).total_seconds() == 10
    assert second.answered_at is not None


async def test_the_time_limit_counts_from_the_connection(stage: Stage) -> None:
    answer_with(stage, dial(f'{MASKED} timeLimit="30"'))
    phone(stage, FIRST, ring_seconds=10)

    call = await whole_call(stage, talk_seconds=100)

    assert call.dialed[0].duration == 30
    assert [code(leg) for leg in call.every_leg] == [6000, 6000]


async def test_the_switch_lets_the_time_limit_end_the_dialed_leg_alone(
    stage: Stage,
) -> None:
    stage.simulator.switches.set({"time_limit_ends": "b_leg"})
    answer_with(stage, dial(f'{MASKED} timeLimit="30"') + "<Speak>Time is up</Speak>")

    call = await whole_call(stage, talk_seconds=100)

    assert [code(leg) for leg in call.every_leg] == [4010, 6000]
    assert heard(caller_leg(call))[-1] == ("speech", "Time is up")


async def test_a_whisper_asks_for_a_key_before_the_callee_is_connected(
    stage: Stage,
) -> None:
    confirm = f'confirmSound="{APP}/whisper" confirmKey="1"'
    answer_with(stage, dial(f"{MASKED} {confirm} {LIVE}"))
    others = f"<Say>Not heard</Say><Redirect>{APP}/not-asked</Redirect>"
    whisper = f"<Speak>Press one</Speak><Wait length='2'/><Play>{GREETING}</Play>"
    document(stage, "whisper", whisper + others)
    phone(stage, FIRST, digits=["21"])

    call = await whole_call(stage)

    assert heard(call.dialed[0]) == [
        ("ringing", NUMBER),
        *(("whisper", "Press one"), ("silence", "")),
        *(("whisper", GREETING), ("silence", "")),
        ("talk", CALLER),
    ]
    assert heard(caller_leg(call))[0] == ("ringing", "")
    assert events(stage, "dial") == ["DialAnswer", "DialConnected", "DialHangup"]


async def test_who_does_not_press_the_key_is_not_connected(stage: Stage) -> None:
    confirm = f'confirmSound="{APP}/whisper" confirmKey="1" confirmTimeout="10"'
    answer_with(stage, dial(f"{MASKED} {confirm} {AFTER}"))
    document(stage, "whisper", "<Speak>Press one now please do</Speak>")
    document(stage, "after", "<Hangup/>")

    call = await whole_call(stage)

    assert (call.dialed[0].duration, code(call.dialed[0])) == (10, 3000)
    assert told(stage, "DialAction")["DialStatus"] == "no-answer"
    assert told(stage, "DialAction")["DialBLegUUID"] == ""


async def test_the_key_may_be_pressed_in_the_whisper(stage: Stage) -> None:
    confirm = f'confirmSound="{APP}/whisper" confirmKey="5"'
    answer_with(stage, dial(f"{MASKED} {confirm}"))
    document(stage, "whisper", f"<Play loop='9'>{GREETING}</Play><Wait/>")
    call = start(stage, manual_caller=True)
    await stage.pass_time(3)

    b = call.dialed[0].call_uuid
    stage.simulator.engine.act(b, Action("key", Leg.CALLEE, "4"))
    stage.simulator.engine.act(b, Action("key", Leg.CALLEE, "5"))
    await stage.pass_time(0)

    assert heard(call.dialed[0])[-1] == ("talk", CALLER)


async def test_the_caller_who_gives_up_cancels_what_rings(stage: Stage) -> None:
    answer_with(stage, dial(f"{MASKED} {LIVE} {AFTER}", FIRST, SECOND))
    for number in (FIRST, SECOND):
        phone(stage, number, answer="ring")

    call = await whole_call(stage, gives_up_after=9)

    assert [code(leg) for leg in call.every_leg] == [4000, 1000, 1000]
    assert {leg.ended_by for leg in call.every_leg} == {"Caller"}
    assert events(stage, "dial") == ["DialHangup", "DialHangup"]
    assert "DialAction" not in events(stage)
    assert stage.sent[-1].url == HANGUP_URL


async def test_a_star_of_the_caller_ends_the_dialed_leg_alone(stage: Stage) -> None:
    attributes = f'{MASKED} hangupOnStar="true"'
    answer_with(stage, dial(attributes) + "<Speak>Still here</Speak>")
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)

    stage.act(call, "key", Leg.CALLER, "*")
    await stage.pass_time(5)

    assert code(call.dialed[0]) == 4000
    assert call.dialed[0].duration == 4
    assert heard(caller_leg(call))[-1] == ("speech", "Still here")


async def test_keys_that_match_are_told_of_either_leg(stage: Stage) -> None:
    patterns = 'digitsMatch="12,9" digitsMatchBLeg="#1"'
    answer_with(stage, dial(f"{MASKED} {LIVE} {patterns}"))
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)

    stage.act(call, "digits", Leg.CALLER, "5123*")
    stage.act(call, "digits", Leg.CALLEE, "9#1")
    await stage.pass_time(0)

    matches = [
        (c.attributes["DialDigitsMatch"], c.attributes["DialDigitsPressedBy"])
        for c in stage.callbacks
        if c.event == "DialDigitsMatch"
    ]
    assert sorted(matches) == [("#1", "BLeg"), ("12", "ALeg")]
    assert call.dialed[0].ended_at is None


async def test_music_is_heard_until_somebody_answers(stage: Stage) -> None:
    answer_with(stage, dial(f'{MASKED} dialMusic="{APP}/music"'))
    document(stage, "music", f"<Play>{GREETING}</Play>")
    phone(stage, FIRST, ring_seconds=30)

    call = await whole_call(stage)

    assert heard(caller_leg(call)) == [("music", GREETING), ("talk", FIRST)]


async def test_real_ringing_and_music_that_fails_are_ringing(stage: Stage) -> None:
    music = f'{MASKED} dialMusic="{APP}/nothing"'
    answer_with(stage, dial(f'{MASKED} dialMusic="real"') + dial(music, SECOND))
    phone(stage, FIRST, answer="busy")

    call = await whole_call(stage)

    assert heard(caller_leg(call))[:2] == [("ringing", "real"), ("ringing", "")]


async def test_a_number_of_the_account_leads_back_into_its_application(
    stage: Stage,
) -> None:
    answer_with(stage, dial(MASKED, OTHER_NUMBER))
    other = document(stage, "other", "<Speak>one two three four five</Speak>")
    stage.simulator.store.applications["7"].answer_url = ANSWER_URL
    numbers = stage.simulator.store.numbers
    numbers[OTHER_NUMBER].app_id = "8"
    application = type(stage.simulator.store.applications["7"])
    stage.simulator.store.applications["8"] = application("8", "x", "other", other)

    call = await whole_call(stage, talk_seconds=60)

    inner = next(c for c in stage.simulator.store.calls.values() if c is not call)
    assert (inner.caller, inner.virtual_number) == (NUMBER, OTHER_NUMBER)
    assert heard(caller_leg(inner)) == [("speech", "one two three four five")]
    assert call.dialed[0].duration == caller_leg(inner).duration == 2
    assert inner.ended_at is not None


async def test_keys_reach_the_application_of_a_number_that_was_dialed(
    stage: Stage,
) -> None:
    answer_with(stage, dial(MASKED, OTHER_NUMBER))
    menu = document(stage, "menu", f"<GetDigits action='{APP}/one' numDigits='1'/>")
    document(stage, "one", dial(MASKED, FIRST))
    application = type(stage.simulator.store.applications["7"])
    store = stage.simulator.store
    store.applications["8"] = application("8", "x", "menu", menu)
    store.numbers[OTHER_NUMBER].app_id = "8"
    call = start(stage, manual_caller=True)
    await stage.pass_time(2)

    stage.act(call, "key", Leg.CALLER, "1")
    await stage.pass_time(60)

    inner = next(c for c in store.calls.values() if c is not call)
    assert told(stage, "Digits")["Digits"] == "1"
    assert heard(inner.dialed[0])[-1] == ("talk", NUMBER)
    assert inner.ended_at is None


async def test_numbers_that_dial_each_other_end_as_a_loop(stage: Stage) -> None:
    answer_with(stage, dial(MASKED, OTHER_NUMBER))

    call = await whole_call(stage)

    calls = list(stage.simulator.store.calls.values())
    assert [c.hops for c in calls] == [0, 1, 2, 3, 4, 5]
    assert code(calls[-1].dialed[0]) == 2060
    assert call.ended_at is not None


async def test_digits_are_sent_to_who_answers_and_headers_are_echoed(
    stage: Stage,
) -> None:
    attributes = f'{MASKED} {LIVE} sipHeaders="order=42,kind=new"'
    target = f"<Number sendDigits='wW12'>{FIRST}</Number>"
    answer_with(stage, f"<Dial {attributes}>{target}</Dial>")

    call = await whole_call(stage)

    (b,) = call.dialed
    tones = b.heard[1]
    assert (tones.what, tones.detail) == ("tones", "wW12")
    assert (tones.until - tones.at).total_seconds() == 2  # type: ignore[operator]
    assert told(stage, "DialAnswer")["X-PH-order"] == "42"
    assert told(stage, "DialHangup")["X-PH-kind"] == "new"


async def test_a_number_of_the_account_that_nobody_answers_times_out(
    stage: Stage,
) -> None:
    answer_with(stage, dial(f'{MASKED} timeout="5"', OTHER_NUMBER))
    unanswered = document(
        stage, "unanswered", "<PreAnswer><Wait length='60'/></PreAnswer>"
    )
    application = type(stage.simulator.store.applications["7"])
    store = stage.simulator.store
    store.applications["8"] = application("8", "x", "unanswered", unanswered)
    store.numbers[OTHER_NUMBER].app_id = "8"

    call = await whole_call(stage)

    inner = next(c for c in store.calls.values() if c is not call)
    assert code(call.dialed[0]) == 6010
    assert (code(caller_leg(inner)), caller_leg(inner).answered_at) == (1000, None)


async def test_who_hangs_up_on_a_ring_has_rejected_it(stage: Stage) -> None:
    answer_with(stage, dial())
    phone(stage, FIRST, answer="manual")
    call = start(stage)
    await stage.pass_time(3)

    leg = call.dialed[0].call_uuid
    stage.simulator.engine.act(leg, Action("hangup", Leg.CALLEE))
    await stage.pass_time(1)

    assert code(call.dialed[0]) == 3020


async def test_a_loop_that_branches_is_bounded(stage: Stage) -> None:
    twice = dial(MASKED, OTHER_NUMBER, OTHER_NUMBER)
    answer_with(stage, f"{twice}<Redirect>{ANSWER_URL}</Redirect>")

    call = await whole_call(stage)

    calls = stage.simulator.store.calls.values()
    assert len(calls) == 1 + 20
    assert {c.came_of for c in calls if c is not call} == {call.call_uuid}
    assert call.ended_at is not None


async def test_a_user_is_dialed_by_its_address(stage: Stage) -> None:
    address = "sip:desk@phone.plivo.com"
    answer_with(stage, f"<Dial {MASKED}><User>{address}</User></Dial>")

    call = await whole_call(stage)

    assert call.dialed[0].number == address
    assert call.dialed[0].duration == 2


async def test_one_leg_of_several_is_answered_by_a_person(stage: Stage) -> None:
    answer_with(stage, dial(MASKED, FIRST, SECOND))
    for number in (FIRST, SECOND):
        phone(stage, number, answer="manual")
    call = start(stage)
    await stage.pass_time(4)
    first, second = call.dialed

    stage.simulator.engine.act(first.call_uuid, Action("decline", Leg.CALLEE))
    stage.simulator.engine.act(second.call_uuid, Action("answer", Leg.CALLEE))
    await stage.pass_time(1)

    assert code(first) == 3020
    assert heard(second)[-1] == ("talk", CALLER)
