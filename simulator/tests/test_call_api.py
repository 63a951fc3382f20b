"""Test the Call resource in stepped time: make, list, get, transfer, hang up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN, SUBACCOUNT_ID
from plivo_simulator.app import create_app
from plivo_simulator.records import Call
from plivo_simulator.rules.model import Leg

from .stage import Stage
from .voice_stage import (
    ANSWER_URL,
    APP,
    CALLER,
    FIRST,
    HANGUP_URL,
    NUMBER,
    OTHER_NUMBER,
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

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ORDER = {"from": f"+{NUMBER}", "to": f"+{FIRST}", "answer_url": ANSWER_URL}


@pytest.fixture(name="api")
async def _api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app("http://plivo.local")
    app.state.simulator = stage.simulator
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=f"http://plivo.local/v1/Account/{AUTH_ID}/",
        auth=(AUTH_ID, AUTH_TOKEN),
    ) as client:
        yield client


def made(stage: Stage, uuid: str) -> Call:
    """Return the call of that UUID."""
    return stage.simulator.store.calls[uuid]


async def order(api: httpx.AsyncClient, **body: Any) -> str:
    """Make a call; return its UUID."""
    answer = await api.post("Call/", json={**ORDER, **body})
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["request_uuid"]
    return uuid


async def test_a_call_is_made_and_directed_when_it_is_answered(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    document(stage, "answer", "<Speak>Hello</Speak>")
    phone(stage, FIRST, ring_seconds=10)

    answer = await api.post(
        "Call/",
        json={**ORDER, "ring_url": f"{APP}/ring", "caller_name": "Maskline"},
    )
    await stage.pass_time(60)

    fired = answer.json()
    call = made(stage, fired["request_uuid"])
    leg = caller_leg(call)
    started = told(stage, "StartApp")
    assert (answer.status_code, fired["message"]) == (201, "call fired")
    assert heard(leg) == [("ringing", NUMBER), ("speech", "Hello")]
    assert (leg.caller_id, leg.caller_name) == (NUMBER, "Maskline")
    assert (started["From"], started["To"]) == (NUMBER, FIRST)
    assert (started["Direction"], started["CallStatus"]) == ("outbound", "in-progress")
    assert events(stage) == ["Ring", "StartApp", "Hangup"]
    assert told(stage, "Ring")["CallStatus"] == "ringing"
    assert str(stage.sent[-1].url) == ANSWER_URL
    assert "STIRVerification" not in started


async def test_a_made_call_may_have_a_hangup_url_and_a_fallback(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    stage.answers[ANSWER_URL] = httpx.Response(500)
    fallback = document(stage, "fallback", "<Speak>Sorry</Speak>")

    await order(api, hangup_url=HANGUP_URL, fallback_url=fallback)
    await stage.pass_time(60)

    assert events(stage) == ["StartApp", "StartApp", "Hangup"]
    assert str(stage.sent[-1].url) == HANGUP_URL


@pytest.mark.parametrize(
    ("answer", "code_", "status", "source"),
    [
        ("busy", 3010, "busy", "Carrier"),
        ("rejected", 3020, "failed", "Carrier"),
        ("ring", 6010, "timeout", "Plivo"),
    ],
)
async def test_a_made_call_that_nobody_answers_is_told_of_at_its_end(
    stage: Stage,
    api: httpx.AsyncClient,
    answer: str,
    code_: int,
    status: str,
    source: str,
) -> None:
    phone(stage, FIRST, answer=answer)

    uuid = await order(api, ring_timeout=30)
    await stage.pass_time(60)

    said = told(stage, "Hangup")
    assert code(caller_leg(made(stage, uuid))) == code_
    assert (said["CallStatus"], said["HangupSource"]) == (status, source)
    assert (said["AnswerTime"], said["Duration"]) == ("", "0")
    assert events(stage) == ["Hangup"]


async def test_limits_of_a_made_call(stage: Stage, api: httpx.AsyncClient) -> None:
    document(stage, "answer", "<Speak>Hello</Speak><Wait length='900'/>")
    phone(stage, SECOND, answer="ring")

    short = await order(api, time_limit=20)
    rung = await order(api, to=SECOND, hangup_on_ring=7)
    await stage.pass_time(200)

    assert caller_leg(made(stage, short)).duration == 20
    assert code(caller_leg(made(stage, short))) == 6000
    leg = caller_leg(made(stage, rung))
    assert code(leg) == 1000
    assert (leg.ended_at - leg.started_at).total_seconds() == 7  # type: ignore[operator]


async def test_two_calls_a_second_leave_the_queue(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    numbers = "<".join(f"120255501{n:02}" for n in range(5))
    answer = await api.post("Call/", json={**ORDER, "to": numbers})
    await stage.pass_time(0.9)

    queued = (await api.get("Call/?status=queued")).json()["calls"]
    live = (await api.get("Call/?status=live")).json()["calls"]
    canceled = await api.delete(f"Request/{queued[-1]}/")
    hung_up = await api.delete(f"Call/{queued[-2]}/")
    await stage.pass_time(10)

    fired = answer.json()
    assert (fired["message"], len(fired["request_uuid"])) == ("calls fired", 5)
    assert live + queued == fired["request_uuid"]
    assert len(live) == 2
    assert (canceled.status_code, hung_up.status_code) == (204, 204)
    assert (await api.delete(f"Request/{queued[-1]}/")).status_code == 404
    starts = [caller_leg(c).started_at for c in stage.simulator.store.calls.values()]
    assert [(s - starts[0]).total_seconds() for s in starts] == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"from": ""}, "from parameter not present"),
        ({"answer_url": ""}, "answer_url parameter not present"),
        ({"answer_url": "x"}, "answer_url must be a fully qualified URL"),
        ({"hangup_method": "PUT"}, "hangup_method must be GET or POST"),
        ({"to": "nobody"}, "to is not a valid number"),
        ({"to": "<".join([FIRST] * 1001)}, "at most 1000"),
        ({"from": "nobody"}, "from is not a valid number"),
        ({"to": NUMBER}, "must be different"),
        ({"time_limit": "long"}, "time_limit must be a whole number"),
        ({"machine_detection": "true"}, "machine_detection"),
    ],
)
async def test_a_bad_order_is_refused(
    api: httpx.AsyncClient, body: dict[str, str], problem: str
) -> None:
    answer = await api.post("Call/", json={**ORDER, **body})

    assert answer.status_code == 400
    assert problem in answer.json()["error"]


async def test_a_parent_may_be_named_and_must_exist_if_that_is_asked(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='60'/>")
    call = start(stage)

    child = await order(api, parent_call_uuid=call.call_uuid)
    orphan = await order(api, to=SECOND, parent_call_uuid=UNKNOWN)
    refused = await api.post(
        "Call/",
        json={**ORDER, "parent_call_uuid": UNKNOWN, "error_if_parent_not_found": True},
    )
    await stage.pass_time(200)
    record = (await api.get(f"Call/{child}/")).json()

    assert record["parent_call_uuid"] == call.call_uuid
    assert made(stage, orphan).parent_call_uuid == UNKNOWN
    assert refused.status_code == 404


async def test_a_live_call_is_seen_and_hung_up(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='600'/>")
    call = start(stage, caller_name="Alice")
    await stage.pass_time(9)

    live = (await api.get(f"Call/{call.call_uuid}/?status=live")).json()
    hung_up = await api.delete(f"Call/{call.call_uuid}/")
    await stage.pass_time(0)

    assert live["call_status"] == "in-progress"
    assert (live["from"], live["to"]) == (CALLER, NUMBER)
    assert (live["direction"], live["caller_name"]) == ("inbound", "Alice")
    assert live["session_start"] == "2026-03-02 12:00:00.000000"
    assert hung_up.status_code == 204
    assert told(stage, "Hangup")["HangupSource"] == "API Request"
    assert caller_leg(call).duration == 9
    again = await api.delete(f"Call/{call.call_uuid}/")
    gone = await api.get(f"Call/{call.call_uuid}/?status=live")
    assert (again.status_code, gone.status_code) == (404, 404)


async def test_a_dialed_leg_is_hung_up_alone(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    dial = f"<Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>"
    answer_with(stage, dial + "<Speak>Still here</Speak>")
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)

    await api.delete(f"Call/{call.dialed[0].call_uuid}/")
    await stage.pass_time(9)

    assert (code(call.dialed[0]), call.dialed[0].ended_by) == (4000, "API Request")
    assert heard(caller_leg(call))[-1] == ("speech", "Still here")


async def test_a_ringing_call_is_hung_up_before_its_answer(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    phone(stage, FIRST, answer="ring")
    uuid = await order(api)
    await stage.pass_time(5)

    await api.delete(f"Call/{uuid}/")
    await stage.pass_time(1)

    leg = caller_leg(made(stage, uuid))
    assert (code(leg), leg.ended_by, leg.status) == (1000, "API Request", "cancel")


async def test_a_masked_call_is_hung_up_too(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    session = stage.create()
    call = stage.call(CALLER, session, manual_caller=True)
    await stage.pass_time(5)

    answer = await api.delete(f"Call/{call.legs[Leg.CALLEE].call_uuid}/")
    await stage.pass_time(1)

    assert answer.status_code == 204
    assert call.ended_at is not None


async def test_all_calls_end_by_a_delete_without_an_id(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='600'/>")
    calls = [start(stage, number) for number in (CALLER, FIRST)]
    await stage.pass_time(5)

    answer = await api.delete("Call/")
    await stage.pass_time(0)

    assert answer.status_code == 204
    assert all(call.ended_at for call in calls)


DIALED = f"<Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>"
CONNECTED = f"{DIALED}<Speak>Next</Speak>"


@pytest.mark.parametrize(
    ("legs", "a_hears", "b_hears"),
    [
        ("aleg", "Moved A", None),
        ("bleg", "Next", "Moved B"),
        ("both", "Moved A", "Moved B"),
    ],
)
async def test_legs_are_transferred(
    stage: Stage, api: httpx.AsyncClient, legs: str, a_hears: str, b_hears: str | None
) -> None:
    answer_with(stage, CONNECTED)
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)
    urls = {
        "aleg_url": document(stage, "a", "<Speak>Moved A</Speak>"),
        "bleg_url": document(stage, "b", "<Speak>Moved B</Speak>"),
    }

    answer = await api.post(f"Call/{call.call_uuid}/", json={"legs": legs, **urls})
    await stage.pass_time(30)

    (b,) = call.dialed
    moved = {"aleg": {call.call_uuid}, "bleg": {b.call_uuid}}
    assert (answer.status_code, answer.json()["message"]) == (202, "call transferred")
    assert set(answer.json()["call_uuids"]) == moved.get(
        legs, {call.call_uuid, b.call_uuid}
    )
    assert heard(caller_leg(call))[-1] == ("speech", a_hears)
    expected = ("speech", b_hears) if b_hears else ("talk", CALLER)
    assert heard(b)[-1] == expected
    assert call.ended_at is not None
    if b_hears:
        asked = [c for c in stage.callbacks if c.url.endswith("/b")][-1].attributes
        assert (asked["CallUUID"], asked["To"]) == (b.call_uuid, FIRST)
        assert code(b) == 4010


async def test_a_dialed_leg_is_the_a_leg_of_its_own_address(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, CONNECTED)
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)
    url = document(stage, "b", "<Speak>Moved B</Speak>")

    await api.post(f"Call/{call.dialed[0].call_uuid}/", json={"aleg_url": url})
    await stage.pass_time(30)

    assert heard(call.dialed[0])[-1] == ("speech", "Moved B")


async def test_a_transfer_that_fails_has_a_cause_of_its_own(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='60'/>")
    call = start(stage)
    await stage.pass_time(5)
    stage.answers[f"{APP}/gone"] = httpx.Response(404)

    path = f"Call/{call.call_uuid}/"
    await api.post(path, json={"aleg_url": f"{APP}/gone"})
    await stage.pass_time(1)
    late = await api.post(path, json={"aleg_url": f"{APP}/gone"})

    assert code(caller_leg(call)) == 7013
    assert late.status_code == 404


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"legs": "cleg"}, "legs must be one of"),
        ({}, "aleg_url parameter not present"),
        ({"legs": "both", "aleg_url": ANSWER_URL}, "bleg_url parameter not present"),
        ({"aleg_url": "x"}, "aleg_url must be"),
    ],
)
async def test_a_bad_transfer_is_refused(
    stage: Stage, api: httpx.AsyncClient, body: dict[str, str], problem: str
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='60'/>")
    call = start(stage)
    await stage.pass_time(1)

    answer = await api.post(f"Call/{call.call_uuid}/", json=body)

    assert answer.status_code == 400
    assert problem in answer.json()["error"]


async def test_records_of_all_legs_are_listed_by_what_they_say(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    numbers = "".join(f"<Number>{n}</Number>" for n in (FIRST, SECOND))
    answer_with(stage, f"<Dial callerId='{NUMBER}'>{numbers}</Dial>")
    phone(stage, SECOND, answer="busy", ring_seconds=0)
    call = await whole_call(stage)
    outbound = document(stage, "outbound", "<Speak>Hello</Speak>")
    await order(api, to="12025550109", answer_url=outbound)
    await stage.pass_time(60)

    async def listed(query: str) -> list[str]:
        answer = (await api.get(f"Call/?{query}")).json()
        return [each["call_uuid"] for each in answer["objects"]]

    first, second = (leg.call_uuid for leg in call.dialed)
    everything = (await api.get("Call/")).json()
    assert everything["meta"]["total_count"] == 4
    assert "api_id" not in everything["objects"][0]
    assert set(await listed(f"parent_call_uuid={call.call_uuid}")) == {first, second}
    assert await listed(f"from_number={CALLER}") == [call.call_uuid]
    assert await listed("call_direction=inbound") == [call.call_uuid]
    assert await listed(f"to_number=%2B{SECOND[:-1]}&hangup_cause_code=3010") == [
        second
    ]
    assert len(await listed("limit=2&offset=1")) == 2
    assert len(await listed("hangup_source=Carrier")) == 1
    assert await listed(f"subaccount={SUBACCOUNT_ID}") == []
    assert await listed("end_time__lt=2026-03-02 11:59") == []
    record = (await api.get(f"Call/{first}/")).json()
    assert (record["from_number"], record["to_number"]) == (NUMBER, FIRST)
    assert (record["parent_call_uuid"], record["call_state"]) == (
        *(call.call_uuid, "ANSWER"),
    )
    await stage.pass_time(8 * 86_400)
    assert await listed("") == []


@pytest.mark.parametrize("value", ["none", "one_minute"])
async def test_the_switch_delays_a_record(
    stage: Stage, api: httpx.AsyncClient, value: str
) -> None:
    stage.simulator.switches.set({"cdr_delay": value})
    answer_with(stage, "<Speak>Hello</Speak>")
    call = start(stage)
    await stage.pass_time(5)

    at_once = await api.get(f"Call/{call.call_uuid}/")
    await stage.pass_time(60)
    later = await api.get(f"Call/{call.call_uuid}/")

    assert at_once.status_code == (200 if value == "none" else 404)
    assert later.status_code == 200


@pytest.mark.parametrize("value", ["listed", "left_out"])
async def test_the_switch_leaves_out_legs_that_nobody_answered(
    stage: Stage, api: httpx.AsyncClient, value: str
) -> None:
    stage.simulator.switches.set({"cdr_of_unanswered": value})
    answer_with(stage, f"<Dial callerId='{NUMBER}'><Number>{FIRST}</Number></Dial>")
    phone(stage, FIRST, answer="busy")
    call = await whole_call(stage)

    query = f"Call/?parent_call_uuid={call.call_uuid}"
    found = (await api.get(query)).json()["objects"]

    assert len(found) == (1 if value == "listed" else 0)


async def test_recordings_are_found_by_the_call(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Record playBeep='false'/>")
    call = await whole_call(stage, talk_seconds=5)

    found = (await api.get(f"Recording/?call_uuid={call.call_uuid}")).json()
    none = (await api.get(f"Recording/?call_uuid={UNKNOWN}")).json()

    (recording,) = found["objects"]
    assert recording["recording_duration_ms"] == "20000.00000"
    assert none["objects"] == []


async def test_a_call_to_a_number_of_the_account_meets_its_application(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>one two three four five</Speak>")
    outbound = document(stage, "outbound", "<Speak>Hi</Speak><Wait length='60'/>")

    uuid = await order(api, to=OTHER_NUMBER, answer_url=outbound)
    await stage.pass_time(60)

    assert caller_leg(made(stage, uuid)).duration == 2
    assert len(stage.simulator.store.calls) == 2


async def test_a_sub_account_does_not_see_the_calls_of_the_account(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, "<Speak>Hello</Speak><Wait length='60'/>")
    call = start(stage)
    await stage.pass_time(1)
    path = f"http://plivo.local/v1/Account/{SUBACCOUNT_ID}/Call/"

    listed = await api.get(path + "?status=live")
    got = await api.get(f"{path}{call.call_uuid}/")
    deleted = await api.delete(f"{path}{call.call_uuid}/")
    unknown = await api.post(f"{path}{UNKNOWN}/", json={"aleg_url": ANSWER_URL})

    assert listed.json()["calls"] == []
    assert [a.status_code for a in (got, deleted, unknown)] == [404, 404, 404]
    assert call.ended_at is None


async def test_a_transfer_breaks_a_ring_off_and_may_ring_again(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, DIALED)
    again = document(stage, "again", DIALED)
    phone(stage, FIRST, answer="ring")
    call = start(stage)
    await stage.pass_time(5)
    phone(stage, FIRST, ring_seconds=3)

    body = {"legs": "both", "aleg_url": again, "bleg_url": again}
    await api.post(f"Call/{call.call_uuid}/", json=body)
    await stage.pass_time(60)

    first, second = call.dialed
    assert (code(first), first.ended_by) == (1000, "API Request")
    assert (code(second), second.duration) == (4000, 2)


async def test_a_transferred_leg_does_not_go_on_for_ever(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    answer_with(stage, CONNECTED)
    call = start(stage, manual_caller=True)
    await stage.pass_time(5)
    endless = document(stage, "b", "<Play loop='0'>https://x.example/a.wav</Play>")

    body = {"legs": "bleg", "bleg_url": endless}
    await api.post(f"Call/{call.call_uuid}/", json=body)
    await stage.pass_time(100_000)

    assert code(call.dialed[0]) == 6000
    assert call.ended_at is not None
