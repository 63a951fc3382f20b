"""Legs are taken from callbacks that tell all of a call, and from no others."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from masking.core.times import stamp
from masking.domain import told_legs
from masking.domain.callback_event import CallbackEvent
from masking.domain.timeline import build_timeline
from proofs.calls.model import BEGIN, FIRST, PARTIES, SECOND

CALLS = "https://api.plivo.com/v1/Account/MA/Call"
FIRST_LEG = "11111111-2222-4333-8444-555555555555"
SECOND_LEG = "21111111-2222-4333-8444-555555555555"

Attributes = dict[str, str]


def cost(duration: int, billed: int, amount: str, code: int = 4000) -> Attributes:
    """Return the attributes of an end."""
    return {
        "Duration": str(duration),
        "BilledDuration": str(billed),
        "Amount": amount,
        "PlivoHangupCauseCode": str(code),
        "PlivoHangupCause": "Normal Hangup",
    }


def told(**changed: Attributes | None) -> list[CallbackEvent]:
    """Return the callbacks of a call of 60 s; those *changed* to None are lost."""
    steps: dict[str, tuple[int, Attributes]] = {
        "FirstPartyAnswer": (0, {}),
        "SecondPartyRing": (1, {}),
        "SecondPartyAnswer": (10, {}),
        "FirstPartyHangup": (70, cost(70, 120, "0.017")),
        "SecondPartyHangup": (70, cost(60, 60, "0.0085")),
        "PartiesHangup": (70, cost(60, 180, "0.0255")),
    }
    events = []
    for number, (name, (second, more)) in enumerate(steps.items(), start=1):
        change = changed.get(name, {})
        if change is None:
            continue
        at = BEGIN + timedelta(seconds=second)
        attributes = {
            "EventName": f"Session{name}",
            "EventTimestamp": f"{at:%Y-%m-%d %H:%M:%S}",
            "SequenceNumber": str(number),
            "From": FIRST,
            "To": SECOND,
            **more,
            **change,
        }
        digest = hashlib.sha256(repr(attributes).encode()).hexdigest()
        events.append(CallbackEvent(digest, attributes, stamp(at)))
    return events


def interaction(**changed: Any) -> dict[str, Any]:
    """Return Plivo's account of that call."""
    whole = {
        "start_time": "2026-11-26T12:00:00Z",
        "end_time": "2026-11-26T12:01:10Z",
        "first_party_resource_url": f"{CALLS}/{FIRST_LEG}/",
        "second_party_resource_url": f"{CALLS}/{SECOND_LEG}/",
        "first_party_status": "completed",
        "second_party_status": "completed",
        "call_billed_duration": 180,
        "total_call_amount": "0.0255",
    }
    return {k: v for k, v in {**whole, **changed}.items() if v is not None}


def legs_of(
    events: list[CallbackEvent], *interactions: dict[str, Any]
) -> list[dict[str, Any] | None]:
    """Return the calls with their legs, as far as callbacks tell them."""
    timeline = build_timeline(events, PARTIES)
    return told_legs.calls_told(interactions, timeline, PARTIES)


def test_a_call_that_is_told_whole_has_its_legs() -> None:
    [call] = legs_of(told(), interaction())

    assert call
    assert call["second_party_leg"] == {
        "call_uuid": SECOND_LEG,
        "duration": 60,
        "billed_duration": 60,
        "amount": "0.0085",
        "hangup_cause": "Normal Hangup",
        "hangup_cause_code": 4000,
        "answer_time": "2026-11-26T12:00:10Z",
        "end_time": "2026-11-26T12:01:10Z",
    }
    assert call["first_party_leg"]["call_uuid"] == FIRST_LEG
    assert not [name for name in call if name.endswith("_resource_url")]


@pytest.mark.parametrize(
    "changed",
    [
        {"FirstPartyAnswer": None},
        {"SecondPartyAnswer": None},
        {"FirstPartyHangup": None},
        {"SecondPartyHangup": None},
        {"SecondPartyAnswer": {"EventTimestamp": ""}},
        {"SecondPartyAnswer": {"EventTimestamp": "2026-11-26 12:00:12"}},
        {"FirstPartyHangup": {"BilledDuration": ""}},
        {"FirstPartyHangup": {"Amount": "0.0171"}},
        {"PartiesHangup": {"Amount": "0.04"}},
        {"SecondPartyHangup": {"PlivoHangupCauseCode": ""}},
    ],
    ids=str,
)
def test_a_call_of_which_something_is_missing_or_odd_is_asked_for(
    changed: dict[str, Attributes | None],
) -> None:
    assert legs_of(told(**changed), interaction()) == [None]


@pytest.mark.parametrize(
    "changed",
    [
        {"start_time": "2026-11-26T12:00:03Z"},
        {"end_time": "2026-11-26T12:01:14Z"},
        {"call_billed_duration": 240},
        {"total_call_amount": "0.03"},
        {"second_party_status": "busy"},
        {"second_party_status": None, "second_party_resource_url": None},
    ],
    ids=str,
)
def test_a_call_of_which_plivo_says_something_else_is_asked_for(
    changed: dict[str, Any],
) -> None:
    assert legs_of(told(), interaction(**changed)) == [None]


def test_a_call_that_no_callback_tells_of_is_asked_for_and_no_other() -> None:
    later = interaction(
        start_time="2026-11-26T14:00:00Z", end_time="2026-11-26T14:01:10Z"
    )

    first, second = legs_of(told(), interaction(), later)

    assert first
    assert second is None


def test_a_session_without_calls_has_none() -> None:
    assert legs_of([]) == []
