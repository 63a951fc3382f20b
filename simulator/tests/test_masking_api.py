"""Test the masking API on the wire: envelopes, formats, updates, switches.

The facts are those of captured traffic; `docs/switches.md` lists what is uncertain
and which switch decides.
"""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from plivo_simulator.account import (
    AUTH_ID,
    SUBACCOUNT_ID,
)

from .masking_client import (
    ALICE,
    BOB,
    CAROL,
    GO_TIME,
    MAIN,
    PIN_FIELDS,
    PROMPT,
    SUB,
    URL,
    create,
    go_datetime,
    listed,
    session_of,
)


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
    created, expires = (
        go_datetime(session[name]) for name in ("created_time", "expiry_time")
    )
    assert expires - created == timedelta(seconds=600)


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
