"""Test the masking API on the wire: envelopes, formats, updates, switches.

The facts are those of captured traffic; `docs/switches.md` lists what is uncertain
and which switch decides.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from plivo_simulator.account import (
    AUTH_ID,
    AUTH_TOKEN,
    SUBACCOUNT_ID,
    SUBACCOUNT_TOKEN,
)

MAIN, SUB = (AUTH_ID, AUTH_TOKEN), (SUBACCOUNT_ID, SUBACCOUNT_TOKEN)
URL = f"/v1/Account/{AUTH_ID}/Masking/Session/"
ALICE, BOB, CAROL = "+12025550100", "+12025550101", "+12025550102"
GO_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})? \+0000 UTC")
PROMPT = "https://audio.example/prompt.wav"
PIN_FIELDS = (
    "is_pin_authentication_required",
    "generate_pin",
    "generate_pin_length",
    "first_party_pin",
    "second_party_pin",
    "pin_prompt_play",
    "pin_retry",
    "pin_retry_wait",
    "incorrect_pin_play",
)


def create(client: httpx.Client, **body: Any) -> httpx.Response:
    """Create a session between Alice and Bob, unless *body* says otherwise."""
    parties = {"first_party": ALICE, "second_party": BOB}
    return client.post(URL, json={**parties, **body}, auth=MAIN)


def session_of(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Create a session and return its object."""
    answer = create(client, **body)
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()["session"]
    return session


def listed(client: httpx.Client, **query: Any) -> list[str]:
    """Return the UUIDs of a list."""
    answer = client.get(URL, params=query, auth=MAIN)
    assert answer.status_code == 200, answer.text
    return [s["session_uuid"] for s in answer.json()["response"]["objects"]]


def test_create_answers_201_with_a_plus_outside_and_none_inside(
    served: httpx.Client,
) -> None:
    answer = create(served)

    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {
        "api_id",
        "message",
        "session",
        "session_uuid",
        "virtual_number",
    }
    assert body["message"] == "Session created"
    assert body["virtual_number"] == f"+{body['session']['virtual_number']}"
    assert body["session"]["first_party"] == ALICE.removeprefix("+")
    assert body["session_uuid"] == body["session"]["session_uuid"]
    assert "session_expiry" not in body["session"]


def test_a_session_without_values_gets_what_captures_show(
    served: httpx.Client,
) -> None:
    session = session_of(served)

    assert session["duration"] == 1800
    assert session["call_time_limit"] == 14400
    assert session["ring_timeout"] == 45
    assert session["interaction"] is None
    assert session["last_interaction_time"] == ""
    assert session["callback_url"] == ""
    assert session["amount"] == 0
    assert [session[name] for name in PIN_FIELDS] == [None] * len(PIN_FIELDS)
    assert session["create_session_with_single_party"] is None


def test_documented_defaults_are_a_switch_away(served: httpx.Client) -> None:
    served.put("/_sim/switches", json={"defaults": "documented"})

    session = session_of(served)

    assert session["duration"] == 3600
    assert session["call_time_limit"] == 3600
    assert session["ring_timeout"] == 120


def test_zero_means_the_default(served: httpx.Client) -> None:
    session = session_of(served, session_expiry=0, call_time_limit=0, ring_timeout=0)

    assert session["duration"] == 1800
    assert session["call_time_limit"] == 14400
    assert session["ring_timeout"] == 45


def test_times_are_go_times_and_expiry_counts_from_creation(
    served: httpx.Client,
) -> None:
    session = session_of(served, session_expiry=600)

    for name in ("created_time", "modified_time", "expiry_time"):
        assert GO_TIME.fullmatch(session[name])
    assert _go(session["expiry_time"]) - _go(session["created_time"]) == timedelta(
        seconds=600
    )


def test_the_path_works_with_and_without_its_slash(served: httpx.Client) -> None:
    body = {"first_party": ALICE, "second_party": BOB}
    answer = served.post(URL.rstrip("/"), json=body, auth=MAIN)
    uuid = answer.json()["session_uuid"]

    assert answer.status_code == 201
    assert served.get(f"{URL}{uuid}", auth=MAIN).status_code == 200
    assert served.get(f"{URL}{uuid}/", auth=MAIN).status_code == 200


def test_get_nests_under_response(served: httpx.Client) -> None:
    session = session_of(served)

    body = served.get(f"{URL}{session['session_uuid']}/", auth=MAIN).json()

    assert set(body) == {"api_id", "response"}
    assert body["response"] == session


def test_update_restarts_the_expiry_from_now_and_repeats_the_offset(
    served: httpx.Client,
) -> None:
    session = session_of(served, session_expiry=600)
    served.post("/_sim/clock/advance", json={"seconds": 100})

    answer = served.post(
        f"{URL}{session['session_uuid']}/", json={"session_expiry": 600}, auth=MAIN
    )

    body = answer.json()
    assert answer.status_code == 200
    assert body["message"] == "Session updated"
    assert body["session"]["expiry_time"].endswith(" +0000 +0000")
    assert 700 <= body["session"]["duration"] < 710


def test_update_without_expiry_leaves_it_alone(served: httpx.Client) -> None:
    session = session_of(served)

    answer = served.post(
        f"{URL}{session['session_uuid']}/",
        json={"call_time_limit": 3600, "record": True, "session_uuid": "ignored"},
        auth=MAIN,
    )

    changed = answer.json()["session"]
    assert changed["expiry_time"] == session["expiry_time"]
    assert (changed["call_time_limit"], changed["record"]) == (3600, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_party", CAROL),
        ("second_party", CAROL),
        ("initiate_call_to_first_party", True),
        ("is_pin_authentication_required", True),
        ("pin_prompt_play", PROMPT),
        ("pin_retry", 3),
        ("pin_retry_wait", 9),
        ("incorrect_pin_play", PROMPT),
        ("unknown_caller_play", PROMPT),
        ("geomatch", False),
        ("subaccount", SUBACCOUNT_ID),
    ],
)
def test_a_frozen_attribute_is_refused_or_ignored_by_switch(
    served: httpx.Client, name: str, value: object
) -> None:
    session = session_of(served)
    url = f"{URL}{session['session_uuid']}/"

    refused = served.post(url, json={name: value}, auth=MAIN)
    served.put("/_sim/switches", json={"frozen_update": "ignore"})
    ignored = served.post(url, json={name: value}, auth=MAIN)

    assert refused.status_code == 400
    assert refused.json()["error"] == f"{name} cannot be updated for an active session"
    assert ignored.status_code == 200
    assert ignored.json()["session"].get(name) == session.get(name)


def test_delete_answers_200_with_a_body_and_the_second_time_400(
    served: httpx.Client,
) -> None:
    url = f"{URL}{session_of(served)['session_uuid']}/"

    first = served.delete(url, auth=MAIN)
    second = served.delete(url, auth=MAIN)

    assert (first.status_code, first.json()["message"]) == (200, "Session expired")
    assert (second.status_code, second.json()["error"]) == (
        400,
        "Session already expired",
    )
    after = served.get(url, auth=MAIN).json()["response"]
    assert after["status"] == "expired"
    assert after["expiry_time"] == after["modified_time"]


def test_an_expired_session_can_not_be_updated(served: httpx.Client) -> None:
    url = f"{URL}{session_of(served, session_expiry=60)['session_uuid']}/"
    served.post("/_sim/clock/advance", json={"seconds": 61})

    answer = served.post(url, json={"record": True}, auth=MAIN)

    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "Session already expired",
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"first_party": None}, "first_party is missing"),
        ({"second_party": ""}, "second_party is missing"),
        ({"first_party": "alice"}, "invalid first_party"),
        ({"second_party": "+0123456789"}, "invalid second_party"),
        ({"second_party": ALICE}, "first_party and second_party must be different"),
        ({"record": "maybe"}, "record must be true/false"),
        ({"record_file_format": "ogg"}, "record_file_format must be mp3 or wav"),
        ({"callback_url": "ftp://x"}, "callback_url must be a valid URL"),
        (
            {"recording_callback_url": "https://x.example/" + "a" * 1000},
            "recording_callback_url must be under 1000 characters",
        ),
        ({"callback_method": "PUT"}, "callback_method must be GET or POST"),
        ({"session_expiry": "soon"}, "session_expiry must be an integer"),
        (
            {"virtual_number_cooloff_period": 3601},
            "virtual_number_cooloff_period is outside the allowed range",
        ),
        ({"is_pin_authentication_required": True}, "pin_prompt_play is missing"),
        (
            {"is_pin_authentication_required": True, "pin_prompt_play": PROMPT},
            "first_party_pin is missing",
        ),
        ({"subaccount": "SAUNKNOWN00000000000"}, "invalid subaccount"),
    ],
)
def test_bad_parameters_are_400_with_one_text(
    served: httpx.Client, body: dict[str, Any], error: str
) -> None:
    answer = create(served, **body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"api_id", "error"}
    assert answer.json()["error"] == error


def test_pins_are_echoed_as_strings_or_generated_with_the_asked_length(
    served: httpx.Client,
) -> None:
    pin = {"is_pin_authentication_required": True, "pin_prompt_play": PROMPT}

    given = session_of(served, **pin, first_party_pin=1234, second_party_pin="0012")
    made = session_of(served, **pin, generate_pin=True, generate_pin_length=7)

    assert (given["first_party_pin"], given["second_party_pin"]) == ("1234", "0012")
    assert given["pin_retry_wait"] == 5
    assert re.fullmatch(r"\d{7}", made["first_party_pin"])
    assert re.fullmatch(r"\d{7}", made["second_party_pin"])
    assert made["first_party_pin"] != made["second_party_pin"]


def test_a_capital_in_a_parameter_name_does_not_matter(served: httpx.Client) -> None:
    body = {"first_party": ALICE, "create_session_with_single_Party": True}

    answer = served.post(URL, json=body, auth=MAIN)

    assert answer.status_code == 201
    assert answer.json()["session"]["create_session_with_single_party"] is True


def test_the_pool_is_exhausted_with_400_and_a_text(served: httpx.Client) -> None:
    answer = create(served, first_party="+33199001234")

    assert answer.status_code == 400
    assert answer.json()["error"] == "number pool exhausted or not available"


def test_twenty_sessions_of_one_party_use_twenty_numbers(served: httpx.Client) -> None:
    answers = [create(served, second_party=f"+120255501{n}") for n in range(20, 41)]

    numbers = {a.json()["virtual_number"] for a in answers[:20]}
    assert len(numbers) == 20
    assert answers[20].status_code == 400


@pytest.mark.parametrize(
    ("mode", "status", "same"), [("new", 201, False), ("same", 201, True)]
)
def test_a_pair_that_is_active_is_answered_by_switch(
    served: httpx.Client, mode: str, status: int, same: bool
) -> None:
    served.put("/_sim/switches", json={"duplicate_pair": mode})
    first = create(served)

    second = create(served, session_expiry=99)

    assert second.status_code == status
    is_same = second.json()["session_uuid"] == first.json()["session_uuid"]
    assert is_same is same


def test_a_pair_that_is_active_is_an_error_by_switch(served: httpx.Client) -> None:
    served.put("/_sim/switches", json={"duplicate_pair": "error"})
    create(served)

    assert create(served, first_party=BOB, second_party=ALICE).status_code == 400
    assert create(served, second_party=CAROL).status_code == 201


@pytest.mark.parametrize(
    ("mode", "status", "duration"),
    [("none", 201, 10), ("clamp", 201, 60), ("reject", 400, None)],
)
def test_an_expiry_below_a_minute_is_a_switch(
    served: httpx.Client, mode: str, status: int, duration: int | None
) -> None:
    served.put("/_sim/switches", json={"min_expiry": mode})

    answer = create(served, session_expiry=10)

    assert answer.status_code == status
    assert answer.json().get("session", {}).get("duration") == duration


def test_the_documented_shape_has_its_own_key_and_strings(served: httpx.Client) -> None:
    served.put("/_sim/switches", json={"shape": "documented"})
    pin = {"is_pin_authentication_required": True, "pin_prompt_play": PROMPT}

    session = session_of(served, **pin, generate_pin=True)

    assert session["pin_ prompt_play"] == PROMPT
    assert "pin_prompt_play" not in session
    assert session["pin_retry_wait"] == "5"
    assert session["total_call_amount"] == "0"


def test_pin_fields_are_absent_and_modified_time_wrong_by_switch(
    served: httpx.Client,
) -> None:
    served.put("/_sim/switches", json={"pin_fields": "absent", "modified_time": "ist"})

    session = session_of(served)

    assert not set(PIN_FIELDS) & set(session)
    skew = _go(session["modified_time"]) - _go(session["created_time"])
    assert skew == timedelta(hours=5, minutes=30)


def test_credentials_are_asked_for_and_bound_to_the_path(served: httpx.Client) -> None:
    assert served.get(URL).status_code == 401
    assert served.get(URL, auth=(AUTH_ID, "wrong")).status_code == 401
    assert served.get(URL, auth=SUB).status_code == 401
    sub_url = URL.replace(AUTH_ID, SUBACCOUNT_ID)
    assert served.get(sub_url, auth=SUB).status_code == 200
    assert served.get(sub_url, auth=MAIN).status_code == 200


def test_a_sub_account_session_is_seen_by_both_and_other_sessions_by_one(
    served: httpx.Client,
) -> None:
    of_sub = session_of(served, subaccount=SUBACCOUNT_ID)["session_uuid"]
    of_main = session_of(served)["session_uuid"]
    sub_url = URL.replace(AUTH_ID, SUBACCOUNT_ID)

    assert set(listed(served)) == {of_sub, of_main}
    assert listed(served, subaccount=SUBACCOUNT_ID) == [of_sub]
    assert served.get(f"{sub_url}{of_sub}/", auth=SUB).status_code == 200
    assert served.get(f"{sub_url}{of_main}/", auth=SUB).status_code == 404


def test_what_is_not_there_is_404_and_other_methods_405(served: httpx.Client) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = served.request(method, f"{URL}no-such-session/", auth=MAIN)
        assert answer.status_code == 404
        assert "error" in answer.json()
    assert served.put(URL, auth=MAIN).status_code == 405


def test_a_body_that_is_no_json_object_is_400(served: httpx.Client) -> None:
    for content in (b"first_party=1", b"[1]", b"\xff"):
        assert served.post(URL, content=content, auth=MAIN).status_code == 400


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
    before = (_go(created) - timedelta(seconds=5)).strftime("%Y-%m-%d %H:%M:%S")

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
    served: httpx.Client,
) -> None:
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


def _go(text: str) -> datetime:
    moment = text.partition(" +0000")[0]
    whole, _, fraction = moment.partition(".")
    parsed = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return parsed + timedelta(microseconds=int(fraction.ljust(6, "0") or 0))
