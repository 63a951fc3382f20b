"""Compare a session of ours with the simulator's, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# Attributes that both sides show, except what Plivo sums up only after a call.
TEXTS = (
    "record_file_format",
    "first_party_play_url",
    "second_party_play_url",
    "unknown_caller_play",
)
PLAIN = (
    "initiate_call_to_first_party",
    "call_time_limit",
    "ring_timeout",
    "record",
    "virtual_number_cooloff_period",
)
NUMBERS = ("first_party", "second_party", "virtual_number")
TIMES = ("created_time", "modified_time", "expiry_time")

# What an end changes at Plivo, and is fetched when its session is settled.
MOVED_BY_END = frozenset({"modified_time", "expiry_time", "duration"})


def differences(
    ours: Mapping[str, Any], there: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, our value and the simulator's of each field that differs."""
    expected: dict[str, Any] = {
        **{name: there[name] for name in PLAIN},
        **{name: there[name] or None for name in TEXTS},
        **{name: f"+{there[name]}" if there[name] else None for name in NUMBERS},
        **{name: _rfc3339(there[name]) for name in TIMES},
        "duration": there["duration"],
        "status": there["status"],
        "amount": _money(there["amount"]),
    }
    moved = MOVED_BY_END if ours["status"] == "expired" else frozenset()
    for name, its in expected.items():
        mine = _money(ours[name]) if name == "amount" else ours[name]
        # Money is not known, and so null, before Plivo's accounting is final.
        is_unknown = name == "amount" and mine is None
        if name not in moved and not is_unknown and mine != its:
            yield name, mine, its


def _rfc3339(go_time: str) -> str:
    """Write a time of Go's as our API does: to the second."""
    day, clock = go_time.split()[:2]
    at = datetime.fromisoformat(f"{day}T{clock.partition('.')[0]}").replace(tzinfo=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
