"""Plivo's records of very many calls, for sessions that are settled with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
LASTS = timedelta(seconds=40)


def interactions(count: int, began: datetime = BEGAN) -> list[dict[str, Any]]:
    """Return what Plivo's session says of so many calls, one a minute."""
    return [
        _interaction(began + number * timedelta(minutes=1)) for number in range(count)
    ]


def _interaction(at: datetime) -> dict[str, Any]:
    return {
        "start_time": _go_time(at),
        "end_time": _go_time(at + LASTS),
        "type": "call",
        "first_party_status": "completed",
        "second_party_status": "completed",
        "total_call_count": 2,
        "total_call_amount": "0.00850",
        "call_billed_duration": 60,
        "duration": "40",
    }


def _go_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} +0000 UTC"


def kept_calls(count: int, text: Callable[[int], str] = str) -> list[dict[str, Any]]:
    """Return calls as a settlement keeps them, with records of both legs.

    *text* says what the names of their legs are, by their places.
    """
    found = []
    for number in range(count):
        at = BEGAN + number * timedelta(minutes=1)
        leg = {
            "answer_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "end_time": (at + LASTS).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "duration": 40,
            "billed_duration": 60,
            "amount": "0.00425",
            "hangup_cause": "Normal Hangup",
            "hangup_cause_code": 4000,
            "hangup_source": "Caller",
            "call_uuid": text(number),
        }
        found.append(
            {
                "start_time": leg["answer_time"],
                "end_time": leg["end_time"],
                "type": "call",
                "first_party_status": "completed",
                "second_party_status": "completed",
                "total_call_count": 2,
                "total_call_amount": "0.0085",
                "call_billed_duration": 60,
                "duration": "40",
                "first_party_leg": leg,
                "second_party_leg": {**leg, "hangup_source": "Callee"},
            }
        )
    return found
