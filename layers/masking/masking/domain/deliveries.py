"""Decide how an event is delivered to an app: what is sent, when again, when no more.

waiting ──2xx──> delivered          410: stopped
   │  ▲                             a day over: dead, and in the dead-letter queue
   └──┘ anything else: again after a pause that grows, with jitter

An attempt that was begun and never ended has failed: its worker died.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

# How long delivery is tried.
LIFE = timedelta(hours=24)

# Seconds between tries; SQS puts nothing off by more than 12 hours.
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
LONGEST_PAUSE = 28_800

# How much of a pause is left to chance.
JITTER = 0.2

# Attributes of an event that can be read again from other items of the table.
ELSEWHERE = frozenset({"labels", "carrier_event", "call"})

# Failures in a row after which an endpoint is paused, and for how long (seconds).
FAILURES = 5
REST = (30, 60, 120, 300, 600)


# Seconds from the resolution of an app's name to its answer; and the share of them
# that makes an attempt slow.
SECONDS = 5.0
SLOW_SHARE = 0.4

# How long the deliveries of a tenant count as slow after one that was.
SLOW_FOR = timedelta(minutes=5)

# How long a slow one that can't be tried now is put off, by how often it was received.
LANE_PAUSE, LONGEST_LANE_PAUSE = timedelta(seconds=4), timedelta(minutes=5)

# Why an attempt failed whose worker died.
INTERRUPTED = "interrupted"


class Status(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    STOPPED = "stopped"
    DEAD = "dead"


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one app. *event* lacks what is kept elsewhere.

    *session_uuid* is the erasure's id where the event is of an erasure.
    *last_status* is the HTTP status that was answered, *last_error* the kind of
    failure where there was none, *begun_at* is there while an attempt is on its way.
    *purge_at* is when its session is purged, in seconds since 1970; None where the
    event is of an erasure. Times are aware UTC.
    """

    session_uuid: str
    tenant_id: str
    event_id: str
    type: str
    url_name: str
    event: Mapping[str, Any]
    status: Status
    attempts: int
    first_at: datetime
    deadline: datetime
    last_at: datetime | None = None
    next_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    purge_at: int | None = None
    begun_at: datetime | None = None

    @property
    def is_of_erasure(self) -> bool:
        """Return whether its event is of an erasure, and of no session."""
        return self.type.startswith("erasure.")

    @property
    def delivery_id(self) -> str:
        """Return the name by which the API knows it: session and event in one."""
        both = uuid.UUID(self.session_uuid).bytes + uuid.UUID(self.event_id).bytes
        return base64.urlsafe_b64encode(both).decode().rstrip("=")


def keys_in(delivery_id: str) -> tuple[str, str] | None:
    """Parse a delivery's name into session UUID and event id; None if it is not one."""
    try:
        both = base64.b64decode(delivery_id + "=", altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(both) != 32 or len(delivery_id) != 43:
        return None
    return str(uuid.UUID(bytes=both[:16])), str(uuid.UUID(bytes=both[16:]))


def begin(
    detail: Mapping[str, Any], now: datetime, *, purge_at: int | None = None
) -> Delivery:
    """Begin the delivery of an event; *detail* is as the bus had it.

    *purge_at* is when its session is purged, in seconds since 1970.
    """
    # A call that no callback told of can't be read from one.
    left_out = ELSEWHERE if "callback" in detail else ELSEWHERE - {"call"}
    kept = {k: v for k, v in detail.items() if k not in left_out | {"webhook"}}
    return Delivery(
        session_uuid=owner_of(detail),
        tenant_id=detail["tenant_id"],
        event_id=detail["id"],
        type=detail["type"],
        url_name=detail["webhook"],
        event=kept,
        status=Status.WAITING,
        attempts=0,
        first_at=now,
        deadline=now + LIFE,
        purge_at=purge_at,
    )


def owner_of(detail: Mapping[str, Any]) -> str:
    """Return whose event it is: a session's UUID, or the id of an erasure."""
    return str(detail.get("session_uuid") or detail["erasure_id"])


def renew(delivery: Delivery, now: datetime) -> Delivery:
    """Begin again, for another day, whatever became of the delivery."""
    return replace(
        delivery,
        status=Status.WAITING,
        deadline=now + LIFE,
        next_at=None,
        begun_at=None,
        attempts=0,
    )


def begun(delivery: Delivery, now: datetime) -> Delivery:
    """Record that an attempt begins."""
    return replace(delivery, begun_at=now, next_at=None)


def postponed(delivery: Delivery, until: datetime) -> Delivery:
    """Record that a delivery waits without having been tried."""
    return replace(delivery, next_at=until)


def wait_for_lane(received: int, chance: float) -> timedelta:
    """Return how long a slow delivery waits that finds its lane taken."""
    pause = min(LANE_PAUSE * min(received, 100), LONGEST_LANE_PAUSE)
    return pause * (0.5 + chance)


def attempted(
    delivery: Delivery,
    *,
    status: int | None,
    error: str | None,
    now: datetime,
    chance: float,
) -> Delivery:
    """Record an attempt; *chance*, from 0 to 1, is what its next pause is spread by."""
    attempts = delivery.attempts + 1
    tried = replace(
        delivery,
        attempts=attempts,
        last_at=now,
        last_status=status,
        last_error=error,
        next_at=None,
        begun_at=None,
    )
    if status is not None and 200 <= status < 300:
        return replace(tried, status=Status.DELIVERED)
    if status == 410:
        return replace(tried, status=Status.STOPPED)
    next_at = now + timedelta(seconds=pause_after(attempts, chance))
    if next_at > delivery.deadline:
        return replace(tried, status=Status.DEAD)
    return replace(tried, next_at=next_at)


def closed(delivery: Delivery, status: Status, reason: str, now: datetime) -> Delivery:
    """Record that a delivery was given up without an attempt."""
    return replace(
        delivery,
        status=status,
        last_error=reason,
        last_at=now,
        next_at=None,
        begun_at=None,
    )


def pause_after(attempts: int, chance: float) -> float:
    """Return the seconds until the next try."""
    pause = PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]
    return min(pause * (1 + JITTER * (2 * chance - 1)), LONGEST_PAUSE)


def rest_after(pauses: int) -> timedelta:
    """Return how long an endpoint is paused the next time."""
    return timedelta(seconds=REST[min(pauses, len(REST) - 1)])


def payload_of(detail: Mapping[str, Any]) -> bytes:
    """Write an event as the body that an app gets."""
    shown = {k: v for k, v in detail.items() if k not in ("webhook", "tenant_id")}
    return json.dumps(shown, separators=(",", ":"), sort_keys=True).encode()


def query_of(detail: Mapping[str, Any]) -> str:
    """Write an event as the query of a GET: objects as JSON, null left out."""
    shown = json.loads(payload_of(detail))
    return urlencode(
        {
            name: value
            if isinstance(value, str)
            else json.dumps(value, separators=(",", ":"))
            for name, value in shown.items()
            if value is not None
        }
    )
