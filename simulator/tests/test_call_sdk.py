"""Test calls with Plivo's own Python SDK, unmodified, over the wire."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests
from plivo import exceptions

from .callback_receiver import CallbackReceiver

CALLER, CALLEE = "+12025550100", "+12025550101"
NUMBER = "+12025550180"


def phone(served: httpx.Client, number: str, **plan: Any) -> None:
    """Have a phone follow a plan."""
    served.put(f"/_sim/phones/{number}", json=plan).raise_for_status()


def wait_for_end(served: httpx.Client, call_uuid: str) -> Any:
    """Return the call when it is over and everything is told."""
    return served.get(f"/_sim/calls/{call_uuid}?wait=10").json()


def test_a_call_is_made_and_hung_up(
    sdk: Any, served: httpx.Client, receiver: CallbackReceiver
) -> None:
    url = receiver.document("/answer", "<Speak>Hello</Speak><Wait length='600'/>")

    fired = sdk.calls.create(from_=NUMBER, to_=CALLEE, answer_url=url)
    receiver.wait_for(1)
    live = sdk.live_calls.list_ids()
    seen = sdk.live_calls.get(fired.request_uuid)
    sdk.calls.hangup(fired.request_uuid)
    ended = wait_for_end(served, fired.request_uuid)
    record = sdk.calls.get(fired.request_uuid)

    assert fired.message == "call fired"
    assert live.calls == [fired.request_uuid]
    assert seen.call_status == "in-progress"
    assert record.hangup_source == "API Request"
    assert record.call_direction == "outbound"
    assert [each["event"] for each in ended["callbacks"]] == ["StartApp", "Hangup"]
    assert all(request.is_signed() for request in receiver.wait_for(2))
    with pytest.raises(exceptions.ResourceNotFoundError):
        sdk.calls.hangup(fired.request_uuid)


def test_a_call_is_transferred(
    sdk: Any, served: httpx.Client, receiver: CallbackReceiver
) -> None:
    url = receiver.document("/answer", "<Speak>Hello</Speak><Wait length='600'/>")
    other = receiver.document("/other", "<Speak>Goodbye</Speak>")

    fired = sdk.calls.create(from_=NUMBER, to_=CALLEE, answer_url=url)
    receiver.wait_for(1)
    moved = sdk.calls.transfer(fired.request_uuid, legs="aleg", aleg_url=other)
    ended = wait_for_end(served, fired.request_uuid)

    assert moved.message == "call transferred"
    assert ended["legs"][0]["heard"][-1]["detail"] == "Goodbye"
    assert ended["legs"][0]["hangup_cause_code"] == 4010


def test_legs_and_recordings_are_found_by_the_call(
    sdk: Any, served: httpx.Client, receiver: CallbackReceiver
) -> None:
    url = receiver.document(
        "/answer",
        "<Record startOnDialAnswer='true' redirect='false' maxLength='600'/>"
        f"<Dial callerId='{NUMBER}' timeout='20'><Number>{CALLEE}</Number></Dial>",
    )
    app = sdk.applications.create("voice", answer_url=url)
    sdk.numbers.update(NUMBER, app_id=app.app_id)
    placed = served.post("/_sim/calls", json={"from": CALLER, "to": NUMBER}).json()
    wait_for_end(served, placed["call_uuid"])

    legs = sdk.calls.list(parent_call_uuid=placed["call_uuid"])
    recordings = sdk.recordings.list(call_uuid=placed["call_uuid"])

    assert [each["to_number"] for each in legs.objects] == [CALLEE[1:]]
    assert [each["call_uuid"] for each in recordings] == [placed["call_uuid"]]


def test_bad_orders_are_the_sdks_own_exceptions(
    sdk: Any, receiver: CallbackReceiver
) -> None:
    url = receiver.document("/answer", "<Hangup/>")

    with pytest.raises(exceptions.ValidationError, match="to is not a valid number"):
        sdk.calls.create(from_=NUMBER, to_="nobody", answer_url=url)
    with pytest.raises(exceptions.ResourceNotFoundError):
        sdk.calls.transfer("00000000-0000-4000-8000-000000000000", "aleg", url)


def test_queued_calls_are_canceled(
    sdk: Any, served: httpx.Client, receiver: CallbackReceiver
) -> None:
    url = receiver.document("/answer", "<Hangup/>")
    served.put("/_sim/clock", json={"speed": 0}).raise_for_status()
    try:
        numbers = "<".join(f"+120255501{n:02}" for n in range(4))
        fired = sdk.calls.create(from_=NUMBER, to_=numbers, answer_url=url)
        queued = sdk.queued_calls.list_ids()
        sdk.calls.cancel(fired.request_uuid[-1])
        left = sdk.queued_calls.list_ids()
    finally:
        served.put("/_sim/clock", json={"speed": 20}).raise_for_status()

    assert queued.calls == fired.request_uuid[1:]
    assert left.calls == fired.request_uuid[1:-1]


def test_a_person_at_a_dialed_leg_acts_by_its_own_address(
    sdk: Any, served: httpx.Client, receiver: CallbackReceiver
) -> None:
    url = receiver.document(
        "/answer", f"<Dial callerId='{NUMBER}'><Number>{CALLEE}</Number></Dial>"
    )
    app = sdk.applications.create("voice", answer_url=url)
    sdk.numbers.update(NUMBER, app_id=app.app_id)
    phone(served, CALLEE, answer="manual")
    script = {"from": CALLER, "to": NUMBER, "manual_caller": True}
    call = served.post("/_sim/calls", json=script).json()
    path = f"/_sim/calls/{call['call_uuid']}"
    while len(call["legs"]) < 2:
        call = served.get(path).json()
    leg = call["legs"][1]

    for action in ("answer", "hangup"):
        done = served.post(
            f"/_sim/calls/{leg['call_uuid']}/actions", json={"action": action}
        )
        done.raise_for_status()
    ended = wait_for_end(served, call["call_uuid"])

    caller, callee = ended["legs"]
    assert callee["ended_by"] == "Callee"
    assert callee["caller_id"] == NUMBER
    assert caller["heard"][0]["what"] == "ringing"


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        ("call_make_reset_before_commit", requests.exceptions.ConnectionError, 0),
        ("call_make_reset_after_commit", requests.exceptions.RequestException, 1),
        ("call_make_429", exceptions.PlivoRestError, 0),
        ("call_make_401", exceptions.AuthenticationError, 0),
    ],
)
def test_the_outcome_of_a_call_that_is_made_may_be_unknown(
    sdk: Any,
    served: httpx.Client,
    receiver: CallbackReceiver,
    fault: str,
    error: type[Exception],
    made: int,
) -> None:
    url = receiver.document("/answer", "<Hangup/>")
    served.put("/_sim/faults", json={fault: {"times": 1}}).raise_for_status()

    with pytest.raises(error):
        sdk.calls.create(from_=NUMBER, to_=CALLEE, answer_url=url)
    calls = served.get("/_sim/calls").json()["calls"]

    assert len(calls) == made


@pytest.mark.parametrize("fault", ["call_get_5xx", "call_list_429"])
def test_looking_a_call_up_may_fail(sdk: Any, served: httpx.Client, fault: str) -> None:
    served.put("/_sim/faults", json={fault: {"times": 3}}).raise_for_status()
    call = {"from": CALLER, "to": NUMBER}
    uuid = served.post("/_sim/calls", json=call).json()["call_uuid"]

    with pytest.raises(exceptions.PlivoRestError):
        sdk.calls.get(uuid) if "get" in fault else sdk.calls.list()
