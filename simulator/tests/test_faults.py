"""Test faults: which fires when, how often, and what a client of the API sees."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN
from plivo_simulator.fault_catalogue import FAULTS, READS, WRITES
from plivo_simulator.faults import Faults

MAIN = (AUTH_ID, AUTH_TOKEN)
URL = f"/v1/Account/{AUTH_ID}/Masking/Session/"
PARTIES = {"first_party": "+12025550100", "second_party": "+12025550101"}


def test_faults_with_equal_rates_are_hit_equally_often() -> None:
    faults = Faults(seed=7)
    names = ("create_slow", "create_429", "create_non_json")
    faults.arm({name: {"rate": 0.2} for name in names})

    for _ in range(10_000):
        faults.draw("create", {})

    assert set(faults.fired) == set(names)
    assert all(1850 < faults.fired[name] < 2150 for name in names)


def test_one_seed_gives_one_history() -> None:
    def history(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.arm({"create_slow": {"rate": 0.5}})
        return [faults.draw("create", {}) is not None for _ in range(50)]

    assert history(3) == history(3)
    assert history(3) != history(4)


def test_times_count_down_and_rate_applies_with_them() -> None:
    faults = Faults(seed=1)
    faults.arm({"get_5xx": {"times": 2, "rate": 0.5}})

    fired = [faults.draw("get", {}) is not None for _ in range(40)]

    assert fired.count(True) == 2
    assert fired[:4].count(True) < 4


def test_a_match_confines_a_fault_and_pluses_do_not_matter() -> None:
    faults = Faults()
    faults.arm({"create_slow": {"match": {"first_party": "+12025550100"}}})

    assert faults.draw("create", {"first_party": "12025550101"}) is None
    assert faults.draw("get", {"first_party": "12025550100"}) is None
    assert faults.draw("create", {"first_party": "+12025550100"}) is not None


def test_arming_replaces_and_rearming_changes_by_name() -> None:
    faults = Faults()
    faults.arm({"get_5xx": {}, "list_lag": {}})
    faults.rearm({"get_5xx": None, "get_slow": {"seconds": 9}})

    armed = {f["name"]: f["armed"] for f in faults.report() if f["armed"]}
    assert set(armed) == {"list_lag", "get_slow"}
    assert armed["get_slow"]["seconds"] == 9


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"create_meteor": {}}, "no fault 'create_meteor'"),
        ({"create_slow": 1}, "must be an object"),
        ({"create_slow": {"rate": 2}}, "rate must be between 0 and 1"),
        ({"create_slow": {"times": -1}}, "times must be a whole number"),
        ({"create_slow": {"minutes": 3}}, "no parameter minutes"),
        ({"create_slow": {"seconds": "3"}}, "seconds must be a number"),
        ({"create_slow": {"match": "x"}}, "match must be an object"),
    ],
)
def test_what_cannot_be_armed_is_said(
    served: httpx.Client, spec: dict[str, Any], problem: str
) -> None:
    answer = served.put("/_sim/faults", json=spec)

    assert answer.status_code == 400
    assert problem in answer.json()["error"]


def test_every_operation_has_every_kind_of_fault() -> None:
    kinds = Counter(fault.point for fault in FAULTS.values())

    assert {*READS, *WRITES} <= set(kinds)
    for fault in FAULTS.values():
        assert fault.description.format(**fault.parameters)


def test_faults_that_fired_are_counted_and_reported(served: httpx.Client) -> None:
    served.put("/_sim/faults", json={"create_429": {"times": 1}})
    for _ in range(2):
        served.post(URL, json=PARTIES, auth=MAIN)

    report = {f["name"]: f for f in served.get("/_sim/faults").json()["faults"]}

    assert report["create_429"]["fired"] == 1
    assert report["create_429"]["armed"]["times"] == 0
    assert set(report) == set(FAULTS)


@contextmanager
def armed(client: httpx.Client, name: str, **parameters: Any) -> Iterator[None]:
    """Arm *name* for the next request."""
    client.put("/_sim/faults", json={name: {"times": 1, **parameters}})
    yield
    client.put("/_sim/faults", json={})


def a_session(client: httpx.Client) -> str:
    """Create a session and return its URL."""
    answer = client.post(URL, json=PARTIES, auth=MAIN)
    return f"{URL}{answer.json()['session_uuid']}/"


def send(client: httpx.Client, operation: str, url: str) -> httpx.Response:
    """Send the request of an operation."""
    if operation == "create":
        return client.post(URL, json=PARTIES, auth=MAIN, timeout=1)
    if operation == "list":
        return client.get(URL, auth=MAIN, timeout=1)
    if operation == "update":
        return client.post(url, json={"record": True}, auth=MAIN, timeout=1)
    return client.request(
        {"get": "GET", "delete": "DELETE"}[operation], url, auth=MAIN, timeout=1
    )


def happened(client: httpx.Client, operation: str) -> bool:
    """Return whether the last such request changed something."""
    entries = client.get("/_sim/ledger").json()["requests"]
    return [e for e in entries if e["operation"] == operation][-1][
        "committed"
    ] is not None


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    ("effect", "status", "commits"),
    [
        ("5xx_before_commit", 500, False),
        ("5xx_after_commit", 502, True),
        ("429", 429, False),
        ("401", 401, False),
        ("403", 403, False),
    ],
)
def test_an_error_answer_before_or_after_the_deed(
    served: httpx.Client, operation: str, effect: str, status: int, commits: bool
) -> None:
    url = a_session(served)

    with armed(served, f"{operation}_{effect}"):
        answer = send(served, operation, url)

    assert answer.status_code == status
    assert "error" in answer.json()
    assert happened(served, operation) is commits


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("commits", [False, True])
def test_a_reset_before_or_after_the_deed(
    served: httpx.Client, operation: str, commits: bool
) -> None:
    url = a_session(served)
    when = "after" if commits else "before"

    with (
        armed(served, f"{operation}_reset_{when}_commit"),
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
    ):
        send(served, operation, url)

    assert happened(served, operation) is commits


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("commits", [False, True])
def test_a_time_out_before_or_after_the_deed(
    served: httpx.Client, operation: str, commits: bool
) -> None:
    url = a_session(served)
    when = "after" if commits else "before"
    fault = f"{operation}_timeout_{when}_commit"

    with armed(served, fault, seconds=0.2), pytest.raises(httpx.RemoteProtocolError):
        send(served, operation, url)
    with armed(served, fault), pytest.raises(httpx.ReadTimeout):
        _impatient(served, operation, url)

    assert happened(served, operation) is (commits and operation != "delete")


def _impatient(client: httpx.Client, operation: str, url: str) -> httpx.Response:
    methods = {"create": "POST", "update": "POST", "delete": "DELETE"}
    body = PARTIES if operation == "create" else {"record": True}
    target = URL if operation == "create" else url
    return client.request(methods[operation], target, json=body, auth=MAIN, timeout=0.1)


@pytest.mark.parametrize("operation", READS)
def test_reads_fail_in_every_way(served: httpx.Client, operation: str) -> None:
    url = a_session(served)

    with armed(served, f"{operation}_5xx", status=503):
        assert send(served, operation, url).status_code == 503
    with armed(served, f"{operation}_non_json"):
        assert send(served, operation, url).text.startswith("<!doctype")
    with (
        armed(served, f"{operation}_reset"),
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
    ):
        send(served, operation, url)
    with (
        armed(served, f"{operation}_timeout", seconds=0.2),
        pytest.raises(httpx.RemoteProtocolError),
    ):
        send(served, operation, url)
    assert send(served, operation, url).status_code == 200


def test_429_tells_how_long_to_wait_only_when_asked_to(served: httpx.Client) -> None:
    with armed(served, "create_429"):
        assert "retry-after" not in send(served, "create", "").headers
    with armed(served, "create_429_retry_after", seconds=7):
        assert send(served, "create", "").headers["retry-after"] == "7"


def test_a_slow_answer_is_right_but_late(served: httpx.Client) -> None:
    started = time.monotonic()

    with armed(served, "create_slow", seconds=0.3):
        answer = send(served, "create", "")

    assert answer.status_code == 201
    assert time.monotonic() - started >= 0.3


def test_a_lagging_list_leaves_out_the_young(served: httpx.Client) -> None:
    a_session(served)

    with armed(served, "list_lag", times=2):
        young = send(served, "list", "").json()["response"]["objects"]
        served.post("/_sim/clock/advance", json={"seconds": 31})
        old = send(served, "list", "").json()["response"]["objects"]

    assert (len(young), len(old)) == (0, 1)


def test_stale_totals_leave_out_what_just_ended(served: httpx.Client) -> None:
    url = a_session(served)
    number = served.get("/_sim/sessions").json()["sessions"][0]["virtual_number"]
    body = {"from": PARTIES["first_party"], "to": number}
    placed = served.post("/_sim/calls", json=body).json()
    served.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})

    with armed(served, "get_stale_totals", seconds=1000):
        stale = send(served, "get", url).json()["response"]
    fresh = send(served, "get", url).json()["response"]

    assert (stale["interaction"], stale["total_call_count"]) == (None, 0)
    assert fresh["total_call_count"] == 2


def test_the_ledger_says_what_was_asked_answered_and_done(
    served: httpx.Client,
) -> None:
    url = a_session(served)
    send(served, "get", url)
    send(served, "delete", url)
    send(served, "delete", url)

    entries = served.get("/_sim/ledger", params={"after": 1}).json()["requests"]

    assert [(e["operation"], e["status"]) for e in entries] == [
        ("get", 200),
        ("delete", 200),
        ("delete", 400),
    ]
    committed = [e["committed"] for e in entries]
    assert committed[0] is None
    assert committed[1]["action"] == "deleted"
    assert committed[2] is None
    assert all(url.endswith(f"{e['session_uuid']}/") for e in entries)
