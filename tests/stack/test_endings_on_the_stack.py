"""The deployed functions end a session, settle it and answer whoever calls after it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from masking.api import goodbye
from operate import audit, numbers, plivo
from operate.deployment import LOCAL, Deployment
from operate.plivo import Tools
from stack.addresses import free_addresses
from stack.stack import Stack

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start a stack of these tests' own: they audit all sessions of its Plivo."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture
def tools(stack: Stack) -> Tools:
    """Return what an operator's commands work with on that stack."""
    running = stack.running
    return plivo.tools(Deployment(LOCAL, running.outputs, running.aws))


def test_a_call_after_the_end_hears_goodbye(stack: Stack, tools: Tools) -> None:
    attached = numbers.attach(tools.account, tools.answer_urls)
    session = _api(stack, "POST", "/v1/sessions", {**PAIR, "session_expiry": 3})
    number = session["session"]["virtual_number"]
    _wait_until_expired(stack, session["session"]["session_uuid"])

    placed = _sim(stack, "POST", "calls", {"from": "+12025550100", "to": number})
    call = _sim(stack, "GET", f"calls/{placed['call_uuid']}?wait=30")

    (asked,) = [c for c in call["callbacks"] if c["event"] == "StartApp"]
    assert number in attached
    hung_up = [c for c in call["callbacks"] if c["event"] == "Hangup"]
    assert call["outcome"] == "handed_over"
    assert asked["attempts"][-1]["status"] == 200
    assert asked["url"].endswith(f"/v1/plivo/answer#{goodbye.RETRIES}")
    # Nothing else was registered for it, so the answer URL hears of the end as well.
    assert [c["url"] for c in hung_up] == [asked["url"]]
    (leg,) = call["legs"]
    assert leg["hangup_cause_code"] == 4000
    assert leg["answered_at"]


def test_the_deployed_functions_end_and_settle(stack: Stack, tools: Tools) -> None:
    body = {"first_party": "+12025550102", "second_party": "+12025550103"}
    created = _api(stack, "POST", "/v1/sessions", {**body, "session_expiry": 2})
    uuid = created["session"]["session_uuid"]
    _wait_until_expired(stack, uuid)

    swept = _invoke(stack, "expire_sessions")
    rounds = _invoke(stack, "reconcile_sessions")

    session = _api(stack, "GET", f"/v1/sessions/{uuid}")["session"]
    assert session["status"] == "expired"
    assert set(swept) == {"expired"}
    assert set(rounds) <= {"fetched", "settled", "waiting", "left"}
    stored = tools.stores.sessions.load(uuid)
    assert stored
    assert stored.settle_at
    verdicts = {each.outcome for each in audit.audit(tools)}
    assert verdicts == {audit.AGREES}


def test_an_end_near_the_expiry_wins_over_an_extension_on_its_way(
    stack: Stack,
) -> None:
    body = {"first_party": "+12025550104", "second_party": "+12025550105"}
    session = _api(stack, "POST", "/v1/sessions", {**body, "session_expiry": 4})
    path = f"/v1/sessions/{session['session']['session_uuid']}"
    # As long as our client of Plivo waits, so that a busy machine gets there in time.
    _sim(stack, "PUT", "faults", {"update_slow": {"times": 1, "seconds": 7.5}})

    with ThreadPoolExecutor(1) as pool:
        extending = pool.submit(_api, stack, "PATCH", path, {"session_expiry": 3600})
        shown = _watch(stack, path, seconds=4.5)
        assert not extending.done()
        ended = _api(stack, "DELETE", path)["session"]
        updated = extending.result()["session"]

    # What Plivo had extended was never called expired while it connected.
    assert shown[0] == "active"
    assert shown[-1] == "updating"
    assert "expired" not in shown
    assert ended["status"] == updated["status"] == "expired"
    assert ended["ended_by"] == "request"
    assert not _is_live(stack, ended)
    number = ended["virtual_number"]
    placed = _sim(stack, "POST", "calls", {"from": "+12025550104", "to": number})
    call = _sim(stack, "GET", f"calls/{placed['call_uuid']}?wait=30")
    assert call["outcome"] != "connected"
    assert _api(stack, "GET", path)["session"]["status"] == "expired"


def test_an_extension_of_unknown_outcome_is_not_called_expired_and_can_be_ended(
    stack: Stack,
) -> None:
    body = {"first_party": "+12025550106", "second_party": "+12025550107"}
    session = _api(stack, "POST", "/v1/sessions", {**body, "session_expiry": 2})
    path = f"/v1/sessions/{session['session']['session_uuid']}"
    _sim(stack, "PUT", "faults", {"update_reset_after_commit": {"times": 1}})

    with pytest.raises(urllib.error.HTTPError) as unknown:
        _api(stack, "PATCH", path, {"session_expiry": 3600})
    shown = _watch(stack, path, seconds=2.5)
    in_doubt = _is_live(stack, session["session"])
    ended = _api(stack, "DELETE", path)["session"]

    assert json.loads(unknown.value.read())["outcome"] == "unknown"
    assert int(unknown.value.headers["retry-after"]) > 0
    assert shown[-1] == "updating"
    assert "expired" not in shown
    assert in_doubt
    assert ended["status"] == "expired"
    assert not _is_live(stack, ended)


def _watch(stack: Stack, path: str, *, seconds: float) -> list[str]:
    """Return what a session's status is said to be for some seconds."""
    shown = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        shown.append(_api(stack, "GET", path)["session"]["status"])
        time.sleep(0.1)
    return shown


def _is_live(stack: Stack, session: dict[str, Any]) -> bool:
    """Return whether Plivo connects calls of a session."""
    [found] = [
        each
        for each in _sim(stack, "GET", "sessions")["sessions"]
        if each["session_uuid"] == session["carrier_session_uuid"]
    ]
    return bool(found["status"] != "expired")


def _wait_until_expired(stack: Stack, session_uuid: str) -> None:
    deadline = time.monotonic() + 30
    path = f"/v1/sessions/{session_uuid}"
    while _api(stack, "GET", path)["session"]["status"] != "expired":
        assert time.monotonic() < deadline, "the session does not expire"
        time.sleep(0.1)


def _invoke(stack: Stack, function: str) -> dict[str, Any]:
    running = stack.running
    answered = running.aws.client("lambda").invoke(
        FunctionName=running.function_names()[function], Payload=b"{}"
    )
    document: dict[str, Any] = json.loads(answered["Payload"].read())
    assert "FunctionError" not in answered, document
    return document


def _api(stack: Stack, method: str, path: str, body: object = None) -> dict[str, Any]:
    url = stack.running.addresses.api_url + path
    key = {"authorization": f"Bearer {stack.running.api_key}"}
    return _send(method, url, body, key)


def _sim(stack: Stack, method: str, path: str, body: object = None) -> dict[str, Any]:
    return _send(method, f"{stack.running.addresses.plivo_url}/_sim/{path}", body, {})


def _send(
    method: str, url: str, body: object, headers: dict[str, str]
) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own address
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json", **headers},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        document: dict[str, Any] = json.loads(response.read())
    return document
