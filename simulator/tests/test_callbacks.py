"""Test callbacks: their events and attributes, signatures, retries and faults."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN, SUBACCOUNT_ID, SUBACCOUNT_TOKEN
from plivo_simulator.sessions import replace_number
from plivo_simulator.signing import python_pairs, v3_signature

from .callback_receiver import CallbackReceiver
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


async def test_a_dropped_callback_is_never_sent(stage: Stage) -> None:
    match = {"event": "SessionSecondPartyAnswer"}
    stage.simulator.faults.arm({"webhook_dropped": {"match": match}})

    await stage.whole_call(ALICE, stage.create())

    dropped = [c for c in stage.callbacks if c.state == "dropped"]
    assert [c.event for c in dropped] == ["SessionSecondPartyAnswer"]
    assert dropped[0].fault == "webhook_dropped"
    assert len(stage.sent) == len(stage.callbacks) - 1


async def test_a_duplicated_callback_is_the_same_twice(stage: Stage) -> None:
    fault = {"times": 1, "copies": 2, "seconds": 3}
    stage.simulator.faults.arm({"webhook_duplicated": fault})

    await stage.whole_call(ALICE, stage.create())

    forms = [stage.form(request) for request in stage.sent]
    assert forms.count(forms[0]) == 3
    assert [c.copy_of for c in stage.callbacks].count("") == len(stage.callbacks) - 2


async def test_a_reordered_callback_comes_after_the_next(stage: Stage) -> None:
    match = {"event": "SessionFirstPartyAnswer"}
    stage.simulator.faults.arm({"webhook_reordered": {"match": match}})

    await stage.whole_call(ALICE, stage.create())

    sent = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    assert sent[:3] == ["2", "1", "3"]


async def test_a_delayed_callback_comes_late(stage: Stage) -> None:
    fault = {"times": 1, "seconds": 100}
    stage.simulator.faults.arm({"webhook_delayed": fault})
    talk = stage.create()

    stage.call(ALICE, talk)
    await stage.pass_time(99)
    before = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    await stage.pass_time(2)

    assert before == ["2", "3", "4", "5", "6"]
    assert stage.form(stage.sent[-1])["SequenceNumber"] == "1"


async def test_a_tampered_copy_carries_the_signature_of_the_original(
    stage: Stage,
) -> None:
    stage.simulator.faults.arm({"webhook_tampered": {"times": 1}})

    await stage.whole_call(ALICE, stage.create())

    true, forged = stage.sent[:2]
    assert _is_signed(true, stage.form(true))
    assert not _is_signed(forged, stage.form(forged))
    assert _is_signed(forged, stage.form(true))


async def test_an_unsigned_callback_has_no_signature(stage: Stage) -> None:
    stage.simulator.faults.arm({"webhook_unsigned": {"times": 1}})

    await stage.whole_call(ALICE, stage.create())

    signed = ["x-plivo-signature-v3" in request.headers for request in stage.sent]
    assert signed == [False] + [True] * (len(signed) - 1)


@pytest.mark.parametrize("way", ["python", "node", "url_only", "raw_body"])
async def test_json_bodies_are_signed_in_each_way_that_is_conceivable(
    stage: Stage, way: str
) -> None:
    stage.simulator.switches.set({"content_type": "json", "json_signing": way})

    await stage.whole_call(ALICE, stage.create())

    request = stage.sent[-1]
    body = json.loads(request.content)
    nonce = request.headers["x-plivo-signature-v3-nonce"]
    pairs = {
        "python": python_pairs(body),
        "node": python_pairs(body),
        "url_only": [],
        "raw_body": [("", request.content.decode())],
    }[way]
    expected = v3_signature(AUTH_TOKEN, "POST", CALLBACK_URL, pairs, nonce)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-plivo-signature-v3"] == expected


def _is_signed(request: httpx.Request, form: dict[str, str]) -> bool:
    nonce = request.headers["x-plivo-signature-v3-nonce"]
    expected = v3_signature(AUTH_TOKEN, "POST", CALLBACK_URL, form.items(), nonce)
    return bool(request.headers["x-plivo-signature-v3"] == expected)


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ConnectTimeout])
async def test_a_time_out_is_tried_once_more(
    stage: Stage, failure: type[httpx.TimeoutException], monkeypatch: Any
) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        raise failure("too slow")

    monkeypatch.setattr(stage, "respond", never)
    stage.create(session_expiry=60)
    await stage.pass_time(61)

    (callback,) = stage.callbacks
    assert callback.state == "failed"
    assert [a.error for a in callback.attempts] == [failure.__name__] * 2
    assert [a.status for a in callback.attempts] == [None, None]


@pytest.mark.parametrize("status", [400, 403, 500, 503])
async def test_an_error_answer_is_not_tried_again(stage: Stage, status: int) -> None:
    stage.answers[CALLBACK_URL] = httpx.Response(status)

    stage.create(session_expiry=60)
    await stage.pass_time(61)

    (callback,) = stage.callbacks
    assert (callback.state, callback.status) == ("failed", status)
    assert len(callback.attempts) == 1


async def test_a_refused_connection_is_not_tried_again(
    stage: Stage, monkeypatch: Any
) -> None:
    async def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(stage, "respond", refuse)
    stage.create(session_expiry=60)
    await stage.pass_time(61)

    (callback,) = stage.callbacks
    assert [a.error for a in callback.attempts] == ["ConnectError"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/hook", "/hook/?tag=a%20b&empty=", "/h%C3%BC/x~y"])
def test_the_sdk_verifies_what_arrives_at_the_registered_url(
    served: httpx.Client, receiver: CallbackReceiver, method: str, path: str
) -> None:
    url = receiver.origin + path
    created = _create(served, callback_url=url, callback_method=method)
    _finish_call(served, created)

    requests = receiver.wait_for(6)
    assert {r.method for r in requests} == {method}
    assert all(r.is_signed() and r.is_signed(header="Ma-V3") for r in requests)
    assert all(r.url.startswith(url) for r in requests)
    assert requests[-1].form["PlivoHangupCauseCode"] == "4000"


def test_a_sub_accounts_callbacks_arrive_with_its_own_signature(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    created = _create(
        served, callback_url=receiver.origin + "/hook", subaccount=SUBACCOUNT_ID
    )
    _finish_call(served, created)

    first = receiver.wait_for(6)[0]
    assert first.is_signed(SUBACCOUNT_TOKEN)
    assert not first.is_signed(AUTH_TOKEN)
    assert first.is_signed(AUTH_TOKEN, header="Ma-V3")


def test_what_an_application_answered_is_written_down(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    receiver.answer = lambda r: 503 if r.form["SequenceNumber"] == "3" else 204
    created = _create(served, callback_url=receiver.origin)
    view = _finish_call(served, created)

    assert [c["status"] for c in view["callbacks"]] == [204, 204, 503, 204, 204, 204]
    assert [c["state"] for c in view["callbacks"]].count("failed") == 1
    shown = served.get(
        "/_sim/callbacks", params={"session_uuid": created["session_uuid"]}
    )
    assert shown.json()["callbacks"] == view["callbacks"]


def _create(client: httpx.Client, **body: Any) -> dict[str, Any]:
    parties = {"first_party": ALICE, "second_party": BOB}
    answer = client.post(
        f"/v1/Account/{AUTH_ID}/Masking/Session/",
        json={**parties, **body},
        auth=(AUTH_ID, AUTH_TOKEN),
    )
    created: dict[str, Any] = answer.json()
    return created


def _finish_call(client: httpx.Client, created: dict[str, Any]) -> dict[str, Any]:
    body = {"from": ALICE, "to": created["virtual_number"]}
    placed = client.post("/_sim/calls", json=body).json()
    answer = client.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})
    view: dict[str, Any] = answer.json()
    return view
