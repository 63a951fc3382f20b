"""Test the parameters of a create: refusals, PINs, and what switches decide."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from .masking_client import (
    ALICE,
    BOB,
    CAROL,
    MAIN,
    PIN_FIELDS,
    PROMPT,
    URL,
    create,
    go_datetime,
    session_of,
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
    skew = go_datetime(session["modified_time"]) - go_datetime(session["created_time"])
    assert skew == timedelta(hours=5, minutes=30)


def test_a_single_party_session_with_pins_needs_both_of_them(
    served: httpx.Client,
) -> None:
    # An unknown caller acts as the missing party, and enters its PIN.
    body = {
        "second_party": None,
        "create_session_with_single_party": True,
        "is_pin_authentication_required": True,
        "pin_prompt_play": PROMPT,
    }

    lacking = [
        create(served, **{**body, name: "1234"}).json()["error"]
        for name in ("first_party_pin", "second_party_pin")
    ]
    whole = session_of(served, **body, first_party_pin="1234", second_party_pin="5678")

    assert lacking == ["second_party_pin is missing", "first_party_pin is missing"]
    assert whole["second_party"] == ""


def test_the_scheme_of_a_url_may_be_in_capitals(served: httpx.Client) -> None:
    url = "HTTPS://app.example.com/a.MP3"

    assert session_of(served, first_party_play_url=url)["first_party_play_url"] == url
