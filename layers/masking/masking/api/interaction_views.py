"""Show Plivo's interactions as calls: legs, durations, costs, outcomes.

Plivo lists one interaction for each conversation of a session, with at most two legs,
named by URLs of call records (plivo-contract 3.1). Its `duration` is the sum of the
legs', its `total_call_count` the number of legs. What it leaves out is null here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

LEGS = ("first_party", "second_party")

# From Plivo's words for the state of a leg to ours for its outcome.
OUTCOMES: Mapping[str, str] = {
    "completed": "answered",
    "answered": "answered",
    "in-progress": "in_progress",
    "ringing": "in_progress",
    "queued": "in_progress",
    "busy": "busy",
    "no-answer": "no_answer",
    "timeout": "no_answer",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "failed": "failed",
}

UUID_AT_END = re.compile(r"/([0-9A-Fa-f-]{36})/?$")


def interaction_view(interaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return one cleaned interaction as a call: JSON values, null where unset."""
    legs = [leg for name in LEGS if (leg := _leg(interaction, name))]
    return {
        "start_time": interaction.get("start_time"),
        "end_time": interaction.get("end_time"),
        "outcome": _outcome(interaction, legs),
        "duration": _seconds(interaction.get("duration")),
        "billed_duration": interaction.get("call_billed_duration", 0),
        "amount": interaction.get("total_call_amount", "0"),
        "legs": legs,
        "recording_uuid": _uuid_in(interaction.get("recording_resource_url")),
    }


# Known of a leg once its record has been fetched, after the session's end.
RECORD = (
    "answer_time",
    "end_time",
    "duration",
    "billed_duration",
    "amount",
    "hangup_cause",
    "hangup_cause_code",
    "hangup_source",
)


def _leg(interaction: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return a leg; None if Plivo never dialed it."""
    url = interaction.get(f"{name}_resource_url")
    status = interaction.get(f"{name}_status")
    record = interaction.get(f"{name}_leg") or {}
    if url is None and status is None and not record:
        return None
    return {
        "party": name.removesuffix("_party"),
        "call_uuid": record.get("call_uuid") or _uuid_in(url),
        "outcome": _outcome_of_leg(status),
        **{field: record.get(field) for field in RECORD},
    }


def _outcome_of_leg(status: str | None) -> str | None:
    return OUTCOMES.get(status.lower(), "failed") if status else None


def _outcome(interaction: Mapping[str, Any], legs: list[dict[str, Any]]) -> str | None:
    """Return the outcome of a call: `answered` once both legs were.

    The leg that was dialed last decides; where Plivo gives no status, a call with
    two legs that was billed was answered, and of any other nothing is known.
    """
    if not legs:
        return None
    last = legs[-1]["outcome"]
    if last == "answered" and len(legs) < len(LEGS):
        return "not_connected"
    if last is None and len(legs) == len(LEGS) and interaction.get("end_time"):
        return "answered" if interaction.get("call_billed_duration") else None
    return str(last) if last else None


def _seconds(value: str | None) -> int | None:
    """Return whole seconds; Plivo sends a fraction."""
    if value is None:
        return None
    return int(Decimal(value).to_integral_value(ROUND_HALF_UP))


def _uuid_in(url: str | None) -> str | None:
    """Return the UUID that a resource URL ends in; the URL names Plivo's account."""
    match = UUID_AT_END.search(url) if url else None
    return match[1].lower() if match else None
