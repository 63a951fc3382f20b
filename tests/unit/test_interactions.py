"""Plivo's interactions are shown as calls: legs, durations, costs, outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from masking.api.session_views import interaction_view
from masking.plivo import answers

FIRST = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
SECOND = "1c1d8f1b-6b8f-4b64-8e6f-2b3c4d5e6f70"
RECORDING = "2d2e9f2c-7c9f-4c75-9f70-3c4d5e6f7081"
CALLS = "https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX"

CONNECTED: dict[str, Any] = {
    "start_time": "2024-05-29 04:47:18.5 +0000 UTC",
    "end_time": "2024-05-29 04:47:49 +0000 UTC",
    "first_party_resource_url": f"{CALLS}/Call/{FIRST}/",
    "second_party_resource_url": f"{CALLS}/Call/{SECOND.upper()}",
    "recording_resource_url": f"{CALLS}/Recording/{RECORDING}/",
    "type": "call",
    "total_call_amount": 0.025,
    "call_billed_duration": 30,
    "total_call_count": 2,
    "duration": 47.5,
    "first_party_status": "completed",
    "second_party_status": "completed",
}


# What only the leg's own record tells, which is fetched after the session's end.
UNFETCHED = {
    "answer_time": None,
    "end_time": None,
    "duration": None,
    "billed_duration": None,
    "amount": None,
    "hangup_cause": None,
    "hangup_cause_code": None,
    "hangup_source": None,
}


def shown(**changed: Any) -> dict[str, Any]:
    """Return the view of an interaction as Plivo sends it."""
    sent = {k: v for k, v in {**CONNECTED, **changed}.items() if v is not None}
    (cleaned,) = answers.TOTALS["interaction"]([sent])
    return interaction_view(cleaned)


def test_a_call_that_was_answered_has_two_legs_and_no_address_of_plivos() -> None:
    assert shown() == {
        "start_time": "2024-05-29T04:47:18Z",
        "end_time": "2024-05-29T04:47:49Z",
        "outcome": "answered",
        "duration": 48,
        "billed_duration": 30,
        "amount": "0.025",
        "legs": [
            {"party": "first", "call_uuid": FIRST, "outcome": "answered", **UNFETCHED},
            {
                "party": "second",
                "call_uuid": SECOND,
                "outcome": "answered",
                **UNFETCHED,
            },
        ],
        "recording_uuid": RECORDING,
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("timeout", "no_answer"),
        ("cancel", "cancelled"),
        ("rejected", "rejected"),
        ("failed", "failed"),
        ("in-progress", "in_progress"),
        ("something new", "failed"),
    ],
)
def test_the_leg_dialled_last_says_what_became_of_a_call(
    status: str, outcome: str
) -> None:
    call = shown(second_party_status=status, recording_resource_url=None)

    assert call["outcome"] == outcome
    assert call["legs"][1]["outcome"] == outcome
    assert call["recording_uuid"] is None


def test_a_caller_who_reached_nobody_was_not_connected() -> None:
    call = shown(second_party_resource_url=None, second_party_status=None)

    assert call["outcome"] == "not_connected"
    assert [leg["party"] for leg in call["legs"]] == ["first"]


@pytest.mark.parametrize(
    ("billed", "outcome"), [(30, "answered"), (0, None), (None, None)]
)
def test_without_statuses_only_a_bill_shows_that_a_call_was_answered(
    billed: int | None, outcome: str | None
) -> None:
    call = shown(
        first_party_status=None, second_party_status=None, call_billed_duration=billed
    )

    assert call["outcome"] == outcome


def test_what_plivo_leaves_out_is_null_or_nothing() -> None:
    assert interaction_view({}) == {
        "start_time": None,
        "end_time": None,
        "outcome": None,
        "duration": None,
        "billed_duration": 0,
        "amount": "0",
        "legs": [],
        "recording_uuid": None,
    }
