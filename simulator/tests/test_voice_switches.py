"""Test both sides of each switch that is about calls, and that no unknown has none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.conversation import Action
from plivo_simulator.records import Call
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from plivo_simulator.switches import SWITCHES
from plivo_simulator.unknowns import UNKNOWNS
from plivo_simulator.voice_switches import VOICE_SWITCHES

from .stage import GREETING, Stage
from .voice_stage import (
    ANSWER_URL,
    APP,
    CALLER,
    FIRST,
    HANGUP_URL,
    NUMBER,
    SECOND,
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

SHOWN = f'callerId="{NUMBER}"'
AFTER = f'action="{APP}/after" redirect="false"'
LIVE = f'callbackUrl="{APP}/live"'
FILE = f'callbackUrl="{APP}/file" redirect="false" startOnDialAnswer="true"'


def both(name: str) -> pytest.MarkDecorator:
    """Run a test with each value of a switch."""
    return pytest.mark.parametrize("value", VOICE_SWITCHES[name].values)


def choose(stage: Stage, name: str, value: str) -> bool:
    """Set a switch; return whether that is its default."""
    stage.simulator.switches.set({name: value})
    return value == SWITCHES[name].values[0]


def dial(attributes: str = SHOWN, number: str = FIRST) -> str:
    """Write a Dial."""
    return f"<Dial {attributes}><Number>{number}</Number></Dial>"


def seconds_up(call: Call) -> float:
    """Return how long the A-leg was answered."""
    leg = caller_leg(call)
    return (leg.ended_at - leg.answered_at).total_seconds()  # type: ignore[operator]


def test_every_unknown_of_the_contract_has_its_switches() -> None:
    assert [each.number for each in UNKNOWNS] == list(range(1, 16))
    for unknown in UNKNOWNS:
        assert unknown.switches, unknown.question
        assert set(unknown.switches) <= set(SWITCHES)


def test_every_switch_of_calls_has_two_sides_that_are_told_apart() -> None:
    for name, switch in VOICE_SWITCHES.items():
        assert len(set(switch.values)) >= 2, name
        assert switch.description


@both("document_limit")
async def test_a_call_goes_through_so_many_documents(stage: Stage, value: str) -> None:
    choose(stage, "document_limit", value)
    answer_with(stage, f"<Redirect>{ANSWER_URL}</Redirect>")

    call = await whole_call(stage)

    assert len(events(stage)) == int(value) + 1
    assert code(caller_leg(call)) == 2060


@both("dial_bills_caller")
async def test_the_caller_is_billed_from_dial_or_from_the_connection(
    stage: Stage, value: str
) -> None:
    from_dial = choose(stage, "dial_bills_caller", value)
    answer_with(stage, dial())
    phone(stage, FIRST, ring_seconds=25)

    call = await whole_call(stage, talk_seconds=40)

    assert seconds_up(call) == (65 if from_dial else 40)
    assert caller_leg(call).bill.seconds == (120 if from_dial else 60)


async def test_a_dial_that_fails_leaves_the_caller_unbilled_by_the_switch(
    stage: Stage,
) -> None:
    choose(stage, "dial_bills_caller", "from_connection")
    answer_with(stage, dial())
    phone(stage, FIRST, answer="busy")

    call = await whole_call(stage)

    assert caller_leg(call).answered_at is None


@both("dial_ringback")
async def test_what_the_caller_hears_in_a_dial(stage: Stage, value: str) -> None:
    choose(stage, "dial_ringback", value)
    answer_with(stage, dial())

    call = await whole_call(stage)

    assert heard(caller_leg(call))[0] == (value, "")


@both("whisper_without_key")
async def test_a_whisper_without_a_key(stage: Stage, value: str) -> None:
    plays = choose(stage, "whisper_without_key", value)
    answer_with(stage, dial(f'{SHOWN} confirmSound="{APP}/whisper"'))
    document(stage, "whisper", "<Speak>A call</Speak>")

    call = await whole_call(stage)

    assert (("whisper", "A call") in heard(call.dialed[0])) is plays
    assert heard(call.dialed[0])[-1] == ("talk", CALLER)


@both("whisper_failure")
@pytest.mark.parametrize("answer", ["<Response>", ""])
async def test_a_whisper_that_can_not_be_had(
    stage: Stage, value: str, answer: str
) -> None:
    bridged = choose(stage, "whisper_failure", value)
    answer_with(stage, dial(f'{SHOWN} {LIVE} confirmSound="{APP}/whisper"'))
    status = 200 if answer else 503
    stage.answers[f"{APP}/whisper"] = httpx.Response(status, text=answer)

    await whole_call(stage)

    assert ("DialConnected" in events(stage)) is bridged


@both("caller_hears_in_whisper")
async def test_what_the_caller_hears_in_a_whisper(stage: Stage, value: str) -> None:
    rings = choose(stage, "caller_hears_in_whisper", value)
    answer_with(stage, dial(f'{SHOWN} confirmSound="{APP}/whisper"'))
    document(stage, "whisper", f"<Play>{GREETING}</Play>")

    call = await whole_call(stage)

    quiet = [] if rings else [("silence", "")]
    assert heard(caller_leg(call)) == [("ringing", ""), *quiet, ("talk", FIRST)]


@both("action_after_caller_hangup")
async def test_the_action_after_the_caller_hung_up(stage: Stage, value: str) -> None:
    choose(stage, "action_after_caller_hangup", value)
    answer_with(stage, dial(f"{SHOWN} {AFTER}"))

    await whole_call(stage, hangup_by="caller")

    if value == "not_requested":
        assert "DialAction" not in events(stage)
    else:
        assert told(stage, "DialAction")["DialStatus"] == value
        assert told(stage, "DialAction")["CallStatus"] == "in-progress"


@both("withheld_from")
async def test_who_withholds_the_number(stage: Stage, value: str) -> None:
    choose(stage, "withheld_from", value)
    answer_with(stage, "<Hangup/>")

    await whole_call(stage, caller="")

    assert told(stage, "StartApp")["From"] == ("" if value == "empty" else value)


@both("national_numbers")
async def test_numbers_of_an_inbound_call(stage: Stage, value: str) -> None:
    international = choose(stage, "national_numbers", value)
    answer_with(stage, "<Hangup/>")

    await whole_call(stage)

    said = told(stage, "StartApp")
    shown = (CALLER, NUMBER)
    if not international:
        shown = (f"0{CALLER[1:]}", f"0{NUMBER[1:]}")
    assert (said["From"], said["To"]) == shown


@both("hangup_after_refusal")
async def test_the_end_of_a_refused_call(stage: Stage, value: str) -> None:
    is_told = choose(stage, "hangup_after_refusal", value)
    answer_with(stage, "<Hangup/>")

    await whole_call(stage)

    assert ("Hangup" in events(stage)) is is_told


@both("hangup_after_giving_up")
async def test_the_end_of_a_call_given_up_in_the_request(
    stage: Stage, value: str
) -> None:
    is_told = choose(stage, "hangup_after_giving_up", value)
    answer_with(stage, "<Speak>Too late</Speak>")
    stage.simulator.faults.arm({"answer_slow": {"seconds": 20}})

    call = await whole_call(stage, gives_up_after=6)

    assert (code(caller_leg(call)), caller_leg(call).ended_by) == (1000, "Caller")
    assert ("Hangup" in events(stage)) is is_told


@both("retry_delay")
async def test_the_pause_between_tries(stage: Stage, value: str) -> None:
    choose(stage, "retry_delay", value)
    answer_with(stage, "<Hangup/>")
    stage.simulator.store.applications["7"].answer_url += "#rc=2&rp=all"
    stage.answers[ANSWER_URL] = httpx.Response(500)

    call = await whole_call(stage)

    pause = {"none": 0, "one_second": 1, "five_seconds": 5}[value]
    tries = [each.at for each in stage.callbacks[0].attempts]
    assert [(at - tries[0]).total_seconds() for at in tries] == [0, pause, 2 * pause]
    assert code(caller_leg(call)) == 7011


@both("fallback")
async def test_when_the_fallback_is_asked(stage: Stage, value: str) -> None:
    after_tries = choose(stage, "fallback", value)
    answer_with(stage, "")
    fallback = document(stage, "fallback", "<Speak>Sorry</Speak>")
    application = stage.simulator.store.applications["7"]
    application.fallback_answer_url = fallback
    application.answer_url += "#rc=3&rp=all"
    stage.answers[ANSWER_URL] = httpx.Response(500)

    call = await whole_call(stage)

    assert len(stage.callbacks[0].attempts) == (4 if after_tries else 1)
    assert heard(caller_leg(call))[-1] == ("speech", "Sorry")


@both("fallback_event")
async def test_the_event_of_the_fallback(stage: Stage, value: str) -> None:
    choose(stage, "fallback_event", value)
    answer_with(stage, "")
    fallback = document(stage, "fallback", "<Hangup/>")
    stage.simulator.store.applications["7"].fallback_answer_url = fallback
    stage.answers[ANSWER_URL] = httpx.Response(500)

    await whole_call(stage)

    assert events(stage) == ["StartApp", value, "Hangup"]


@both("caller_hears_while_asked")
async def test_what_a_caller_hears_until_the_answer(stage: Stage, value: str) -> None:
    choose(stage, "caller_hears_while_asked", value)
    answer_with(stage, "<Speak>Hello</Speak>")
    stage.simulator.faults.arm({"answer_slow": {"seconds": 3}})

    call = await whole_call(stage)

    assert heard(caller_leg(call)) == [(value, ""), ("speech", "Hello")]


EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "input_event": (f"<GetDigits {AFTER}/>", {"digits": ["1"]}),
    "record_event": (f"<Record {AFTER}/>", {}),
    "dial_action_event": (dial(f"{SHOWN} {AFTER}"), {"hangup_by": "callee"}),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in EVENTS for value in VOICE_SWITCHES[name].values],
)
async def test_the_event_of_an_action(stage: Stage, name: str, value: str) -> None:
    choose(stage, name, value)
    elements, script = EVENTS[name]
    answer_with(stage, elements)

    await whole_call(stage, **script)

    assert events(stage, "application") == ["StartApp", value, "Hangup"]


@both("dial_callback_times")
async def test_the_times_in_dial_callbacks(stage: Stage, value: str) -> None:
    choose(stage, "dial_callback_times", value)
    answer_with(stage, dial(f"{SHOWN} {LIVE}"))

    await whole_call(stage, talk_seconds=2)

    said = told(stage, "DialHangup")
    times = [said.get(name) for name in ("StartTime", "AnswerTime", "EndTime")]
    hour = {"utc": "12:00", "account": "17:30"}.get(value)
    day = "2026-03-02"
    seconds = ("00", "01", "03")
    expected = [f"{day} {hour}:{s}" if hour else None for s in seconds]
    assert times == expected
    if hour:
        assert told(stage, "DialAnswer")["EndTime"] == ""


@both("ring_timeout_status")
async def test_the_status_of_a_ring_that_timed_out(stage: Stage, value: str) -> None:
    choose(stage, "ring_timeout_status", value)
    answer_with(stage, dial(f'{SHOWN} {AFTER} timeout="15"'))
    phone(stage, FIRST, answer="ring")

    await whole_call(stage)

    assert told(stage, "DialAction")["DialStatus"] == value


@both("time_limit_ends")
async def test_what_the_time_limit_ends(stage: Stage, value: str) -> None:
    both_legs = choose(stage, "time_limit_ends", value)
    answer_with(stage, dial(f'{SHOWN} timeLimit="9"'))

    call = await whole_call(stage, talk_seconds=60)

    assert code(call.dialed[0]) == 6000
    assert code(caller_leg(call)) == (6000 if both_legs else 4010)


@both("record_dial_from")
async def test_where_the_recording_of_a_dial_begins(stage: Stage, value: str) -> None:
    from_answer = choose(stage, "record_dial_from", value)
    whisper = f'{SHOWN} confirmSound="{APP}/whisper"'
    answer_with(stage, f"<Record {FILE}/>{dial(whisper)}")
    document(stage, "whisper", "<Wait/><Speak>one two three four five</Speak>")

    await whole_call(stage, talk_seconds=10)

    length = told(stage, "RecordStop")["RecordingDuration"]
    assert length == ("13" if from_answer else "10")


@both("record_dial_until")
async def test_where_the_recording_of_a_dial_ends(stage: Stage, value: str) -> None:
    until_dial = choose(stage, "record_dial_until", value)
    after = "<Speak>one two three four five</Speak>"
    answer_with(stage, f"<Record {FILE}/>{dial()}{after}")

    await whole_call(stage, talk_seconds=10, hangup_by="callee")

    length = told(stage, "RecordStop")["RecordingDuration"]
    assert length == ("10" if until_dial else "12")


@both("record_next_dial")
async def test_the_recording_of_a_second_dial(stage: Stage, value: str) -> None:
    first_alone = choose(stage, "record_next_dial", value)
    answer_with(stage, f"<Record {FILE}/>{dial()}{dial(SHOWN, SECOND)}")

    await whole_call(stage, talk_seconds=5, hangup_by="callee")

    assert events(stage).count("RecordStop") == (1 if first_alone else 2)


@pytest.mark.parametrize(
    ("value", "applications", "others"),
    [("applications", 3010, 3020), ("all_calls", 3010, 3010), ("off", 4010, 3020)],
)
async def test_which_calls_the_inbound_limit_counts(
    stage: Stage, value: str, applications: int, others: int
) -> None:
    choose(stage, "inbound_limit", value)
    answer_with(stage, "<Speak>Hello</Speak>")
    session = stage.create()
    engine = stage.simulator.engine
    # A call that its session refuses, at a number that no application is asked for.
    engine.store.numbers[session.virtual_number].app_id = ""
    place = engine.place_call
    masked = [place("12025550199", session.virtual_number, {}) for _ in range(11)]
    await stage.pass_time(10)

    engine.store.numbers["12025550183"].app_id = "7"
    handed = [place(f"120255501{n:02}", "12025550183", {}) for n in range(11)]
    await stage.pass_time(10)

    assert code(caller_leg(masked[-1])) == others
    assert code(caller_leg(handed[-1])) == applications


@both("masking_takes")
async def test_which_calls_masking_takes_from_an_application(
    stage: Stage, value: str
) -> None:
    choose(stage, "masking_takes", value)
    answer_with(stage, "<Speak>Hello</Speak>")
    session = stage.create()
    assert session.virtual_number == NUMBER

    party, stranger = start(stage), start(stage, "12025550109")
    await stage.pass_time(60)

    handed_over = [c.outcome is Outcome.HANDED_OVER for c in (party, stranger)]
    assert (
        handed_over
        == {
            "number": [False, False],
            "parties": [False, True],
            "no_application": [True, True],
        }[value]
    )


def hang_up(stage: Stage, call: Call) -> None:
    """Have the caller hang up."""
    stage.simulator.engine.act(call.call_uuid, Action("hangup", Leg.CALLER))


async def test_a_hangup_url_is_told_of_calls_that_ended_in_talk(stage: Stage) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='9'/>")
    call = start(stage)
    await stage.pass_time(2)

    hang_up(stage, call)
    await stage.pass_time(0)

    assert str(stage.sent[-1].url) == HANGUP_URL
