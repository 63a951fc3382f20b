"""Test lists of sessions, and the calls and recordings that they lead to."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from plivo_simulator import simulator
from plivo_simulator.account import AUTH_ID

from .masking_client import (
    ALICE,
    BOB,
    CAROL,
    GO_TIME,
    MAIN,
    URL,
    go_datetime,
    listed,
    session_of,
)


def test_lists_are_newest_first_in_pages_of_at_most_twenty(
    served: httpx.Client,
) -> None:
    made = [
        session_of(
            served, first_party=f"+120255501{n}", second_party=f"+44207946{n}01"
        )["session_uuid"]
        for n in range(10, 35)
    ]

    first = served.get(URL, auth=MAIN).json()["response"]
    second = served.get(first["meta"]["next"], auth=MAIN).json()["response"]

    assert first["meta"] == {
        "limit": 20,
        "next": f"{URL}?limit=20&offset=20",
        "offset": 0,
        "previous": None,
        "total_count": 25,
    }
    assert second["meta"]["next"] is None
    assert second["meta"]["previous"] == f"{URL}?limit=20&offset=0"
    found = [s["session_uuid"] for s in first["objects"] + second["objects"]]
    assert found == made[::-1]
    assert first["objects"][0]["resource_uri"] == f"{URL}{found[0]}/"


def test_lists_filter_by_numbers_in_any_spelling(served: httpx.Client) -> None:
    wanted = session_of(served, second_party=CAROL)
    session_of(served)

    uuid = wanted["session_uuid"]
    assert listed(served, second_party=CAROL) == [uuid]
    assert listed(served, second_party=CAROL.removeprefix("+")) == [uuid]
    assert listed(served, virtual_number="+" + wanted["virtual_number"]) == [uuid]
    assert listed(served, first_party=CAROL) == []


def test_lists_filter_by_status_duration_and_time(served: httpx.Client) -> None:
    short = session_of(served, session_expiry=10)["session_uuid"]
    served.post("/_sim/clock/advance", json={"seconds": 120})
    long = session_of(served, session_expiry=4000)["session_uuid"]
    now = served.get("/_sim/clock").json()["now"]
    moment = datetime.fromisoformat(now) - timedelta(seconds=60)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")

    assert listed(served, status="active") == [long]
    assert listed(served, status="expired") == [short]
    assert listed(served, status="all") == [long, short]
    assert listed(served, duration__gte=11) == [long]
    assert listed(served, duration=10) == [short]
    assert listed(served, created_time__gt=text) == [long]
    assert listed(served, created_time__lte=text) == [short]
    assert listed(served, expiry_time__lt=text + ".5") == [short]


def test_lists_show_seven_days_and_at_most_thirty(served: httpx.Client) -> None:
    old = session_of(served, session_expiry=86400)["session_uuid"]
    created = served.get(f"{URL}{old}/", auth=MAIN).json()["response"]["created_time"]
    served.post("/_sim/clock/advance", json={"seconds": 8 * 86400})
    before = (go_datetime(created) - timedelta(seconds=5)).strftime("%Y-%m-%d %H:%M:%S")

    assert listed(served) == []
    assert listed(served, created_time__gte=before) == [old]
    served.post("/_sim/clock/advance", json={"seconds": 25 * 86400})
    too_wide = served.get(URL, params={"created_time__gte": before}, auth=MAIN)
    assert too_wide.status_code == 400
    assert served.get(f"{URL}{old}/", auth=MAIN).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 21},
        {"limit": 0},
        {"offset": -1},
        {"status": "dead"},
        {"created_time__gt": "2026-03-02T12:00:00"},
        {"created_time__gt": "2026-03-02 12:00:00+00:00"},
        {"duration": "long"},
    ],
)
def test_filters_that_make_no_sense_are_400(
    served: httpx.Client, query: dict[str, Any]
) -> None:
    assert served.get(URL, params=query, auth=MAIN).status_code == 400


def test_a_session_with_a_call_up_is_in_progress_by_switch(
    served: httpx.Client,
) -> None:
    session = session_of(served)
    body = {"from": ALICE, "to": session["virtual_number"], "answer": "manual"}
    call = served.post("/_sim/calls", json=body).json()
    url = f"{URL}{session['session_uuid']}/"

    usual = served.get(url, auth=MAIN).json()["response"]["status"]
    served.put("/_sim/switches", json={"in_progress": "on"})
    switched = served.get(url, auth=MAIN).json()["response"]["status"]
    served.post(f"/_sim/calls/{call['call_uuid']}/actions", json={"action": "hangup"})

    assert (usual, switched) == ("active", "in-progress")


def test_beyond_three_hundred_requests_in_five_seconds_is_429_by_switch(
    served: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert simulator.RATE_SECONDS == 5
    # A busy machine takes longer for so many.
    monkeypatch.setattr(simulator, "RATE_SECONDS", 300)
    served.put("/_sim/switches", json={"rate_limit": "on"})
    url = f"{URL}none/"

    statuses = [served.get(url, auth=MAIN).status_code for _ in range(305)]

    assert statuses == [404] * 300 + [429] * 5


def test_interactions_lead_to_legs_and_recordings(served: httpx.Client) -> None:
    session = session_of(served, record=True)
    body = {"from": ALICE, "to": session["virtual_number"], "talk_seconds": 4}
    placed = served.post("/_sim/calls", json=body).json()
    served.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})

    after = served.get(f"{URL}{session['session_uuid']}/", auth=MAIN).json()["response"]

    (interaction,) = after["interaction"]
    first, second, recording = (
        served.get(interaction[name], auth=MAIN).json()
        for name in (
            "first_party_resource_url",
            "second_party_resource_url",
            "recording_resource_url",
        )
    )
    assert (first["from_number"], first["call_direction"]) == (ALICE[1:], "inbound")
    assert (second["to_number"], second["call_direction"]) == (BOB[1:], "outbound")
    assert second["parent_call_uuid"] == first["call_uuid"]
    assert interaction["duration"] == first["call_duration"] + second["call_duration"]
    assert interaction["total_call_count"] == after["total_call_count"] == 2
    assert after["total_call_amount"] == after["total_session_amount"] == 0.017
    assert after["total_call_billed_duration"] == 120
    assert recording["call_uuid"] == first["call_uuid"]
    assert GO_TIME.fullmatch(after["last_interaction_time"])
    assert after["last_interaction_time"] == interaction["end_time"]


def test_a_recording_is_listed_fetched_and_deleted(served: httpx.Client) -> None:
    session = session_of(served, record=True)
    body = {"from": ALICE, "to": session["virtual_number"]}
    placed = served.post("/_sim/calls", json=body).json()
    served.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})
    base = f"/v1/Account/{AUTH_ID}/Recording/"

    page = served.get(base, params={"call_uuid": placed["call_uuid"]}, auth=MAIN).json()
    (recording,) = page["objects"]
    file = served.get(recording["recording_url"])
    url = f"{base}{recording['recording_id']}/"
    deleted = served.delete(url, auth=MAIN)

    assert page["meta"]["total_count"] == 1
    assert file.status_code == 200
    assert re.fullmatch(r"\d+\.\d{5}", recording["recording_duration_ms"])
    assert deleted.status_code == 204
    assert served.get(url, auth=MAIN).status_code == 404
    assert served.get(recording["recording_url"]).status_code == 404
    assert served.get(base, auth=MAIN).json()["objects"] == []
