"""Test the delivery of callbacks: signatures, retries, and the record of both."""

from __future__ import annotations

import json

import httpx
import pytest

from plivo_simulator.account import AUTH_TOKEN, SUBACCOUNT_ID, SUBACCOUNT_TOKEN
from plivo_simulator.signing import python_pairs, v3_signature

from .callback_receiver import CallbackReceiver
from .masking_client import create_and_read, finished, place
from .stage import ALICE, CALLBACK_URL, Stage

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ConnectTimeout])
async def test_a_time_out_is_tried_once_more(
    stage: Stage, failure: type[httpx.TimeoutException]
) -> None:
    stage.answers[CALLBACK_URL] = failure("too slow")
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


async def test_a_refused_connection_is_not_tried_again(stage: Stage) -> None:
    stage.answers[CALLBACK_URL] = httpx.ConnectError("refused")
    stage.create(session_expiry=60)
    await stage.pass_time(61)

    (callback,) = stage.callbacks
    assert [a.error for a in callback.attempts] == ["ConnectError"]


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example:70000/hook",
        "https://app.example:port/hook",
        "https://[::1/hook",
    ],
)
async def test_an_address_that_nothing_can_be_sent_to_is_a_failure(
    stage: Stage, url: str
) -> None:
    stage.create(session_expiry=60, callback_url=url)
    await stage.pass_time(61)

    (callback,) = stage.callbacks
    assert callback.state == "failed"
    assert [a.error for a in callback.attempts] == ["InvalidURL"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/hook", "/hook/?tag=a%20b&empty=", "/h%C3%BC/x~y"])
def test_the_sdk_verifies_what_arrives_at_the_registered_url(
    served: httpx.Client, receiver: CallbackReceiver, method: str, path: str
) -> None:
    url = receiver.origin + path
    created = create_and_read(served, callback_url=url, callback_method=method)
    finished(served, place(served, created))

    requests = receiver.wait_for(6)
    assert {r.method for r in requests} == {method}
    assert all(r.is_signed() and r.is_signed(header="Ma-V3") for r in requests)
    assert all(r.url.startswith(url) for r in requests)
    assert requests[-1].form["PlivoHangupCauseCode"] == "4000"


def test_a_sub_accounts_callbacks_arrive_with_its_own_signature(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    created = create_and_read(
        served, callback_url=receiver.origin + "/hook", subaccount=SUBACCOUNT_ID
    )
    finished(served, place(served, created))

    first = receiver.wait_for(6)[0]
    assert first.is_signed(SUBACCOUNT_TOKEN)
    assert not first.is_signed(AUTH_TOKEN)
    assert first.is_signed(AUTH_TOKEN, header="Ma-V3")


def test_what_an_application_answered_is_written_down(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    receiver.answer = lambda r: 503 if r.form["SequenceNumber"] == "3" else 204
    created = create_and_read(served, callback_url=receiver.origin)
    view = finished(served, place(served, created))

    assert [c["status"] for c in view["callbacks"]] == [204, 204, 503, 204, 204, 204]
    assert [c["state"] for c in view["callbacks"]].count("failed") == 1
    shown = served.get(
        "/_sim/callbacks", params={"session_uuid": created["session_uuid"]}
    )
    assert shown.json()["callbacks"] == view["callbacks"]


def test_held_callbacks_are_released_by_a_request(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    served.put("/_sim/faults", json={"webhook_held": {"times": 6}})
    call = place(served, create_and_read(served, callback_url=receiver.origin))
    # Waits for the end of the call, and in vain for its callbacks.
    served.get(f"/_sim/calls/{call['call_uuid']}", params={"wait": 1})
    before = len(receiver.requests)

    released = served.post("/_sim/callbacks/release")

    assert (before, released.status_code) == (0, 202)
    assert len(receiver.wait_for(6)) == 6
    assert finished(served, call)["callbacks"][-1]["state"] == "delivered"
