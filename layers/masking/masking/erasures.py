"""The rules of an erasure: what it is, what it found, what remains until when.

    request ──> RUNNING ──sweep──> RUNNING, swept_at ──close──> COMPLETED
                          │                            │
         every session is blanked            every session is looked at once more,
                                             links go last, and so the way to it

It holds the keyed hash of the number and never the number. A marker beside it says
since when the number is to be forgotten: what is older and becomes known late is erased
when it does, by whom the marker is read (see `publish`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from masking.items import Item, moment, owner_of, stamp
from masking.views import time_view

# Longer than the 10 s after which a function is stopped that takes a callback, and
# the 15 s of one that delivers: whoever did not know of the erasure is gone.
REST = timedelta(seconds=20)

RUNNING = "running"
COMPLETED = "completed"

# Kinds of what is counted. Held recordings are kept.
KINDS = ("events", "recordings", "held_recordings", "labels", "deliveries")

# Seconds: what can't be done yet is tried again after a pause that grows up to this.
PAUSE = 15
LONGEST_PAUSE = 900

STREAM = timedelta(hours=24)
QUEUES = timedelta(days=14)
BACKUPS = timedelta(days=35)
CARRIER = timedelta(days=90)


@dataclass(frozen=True)
class Erasure:
    """An erasure of all that belongs to a number. Times are aware UTC.

    *number_hash* is keyed. *found* counts by kind, and is empty before it is complete.
    """

    erasure_id: str
    tenant_id: str
    number_hash: str
    requested_at: datetime
    swept_at: datetime | None = None
    completed_at: datetime | None = None
    found: Mapping[str, int] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Say whether it still runs."""
        return COMPLETED if self.completed_at else RUNNING


def request(tenant_id: str, number_hash: str, now: datetime) -> Erasure:
    """Begin an erasure."""
    return Erasure(str(uuid.uuid4()), tenant_id, number_hash, now)


def sweep(erasure: Erasure, now: datetime) -> Erasure:
    """Note that every session has been blanked once."""
    return replace(erasure, swept_at=now)


def close(
    erasure: Erasure, tallies: Iterable[Mapping[str, int]], now: datetime
) -> Erasure:
    """Note that nothing is left, and how much there was; *tallies* are by session.

    What became known after it was complete is counted as well.
    """
    every = list(tallies)
    found = {kind: sum(each[kind] for each in every) for kind in KINDS}
    return replace(
        erasure,
        found={"sessions": len(every), **found},
        completed_at=erasure.completed_at or now,
    )


def pause_after(received: int, at_least: int) -> int:
    """Give the seconds until a message comes again that was received so often."""
    return min(max(PAUSE * received, at_least), LONGEST_PAUSE)


def more_of(known: Mapping[str, int], seen: Mapping[str, int]) -> dict[str, int]:
    """Give the tally of a session that has been counted more than once.

    Labels and deliveries are fewer each time, callbacks may be more.
    """
    return {kind: max(known.get(kind, 0), seen[kind]) for kind in KINDS}


def erasure_item(erasure: Erasure, purge_at: int) -> Item:
    """Build the item of an erasure, without its key."""
    item: Item = {
        "tenant_id": erasure.tenant_id,
        "number_hash": erasure.number_hash,
        "requested_at": stamp(erasure.requested_at),
        "swept_at": stamp(erasure.swept_at) if erasure.swept_at else None,
        "completed_at": stamp(erasure.completed_at) if erasure.completed_at else None,
        "found": dict(erasure.found) or None,
        "purge_at": purge_at,
    }
    return {name: value for name, value in item.items() if value is not None}


def erasure_from(item: Item) -> Erasure:
    """Build an erasure from its item."""
    return Erasure(
        erasure_id=owner_of(item),
        tenant_id=item["tenant_id"],
        number_hash=item["number_hash"],
        requested_at=moment(item["requested_at"]),
        swept_at=moment(item["swept_at"]) if "swept_at" in item else None,
        completed_at=moment(item["completed_at"]) if "completed_at" in item else None,
        found=item.get("found", {}),
    )


def envelope(erasure: Erasure) -> dict[str, Any]:
    """Give the answer to whoever asks for an erasure or after one."""
    return {"api_id": str(uuid.uuid4()), "erasure": erasure_view(erasure)}


def erasure_view(erasure: Erasure) -> dict[str, Any]:
    """Give an erasure as JSON values: the proof, once it is complete."""
    return {
        "erasure_id": erasure.erasure_id,
        "status": erasure.status,
        "requested_at": time_view(erasure.requested_at),
        "completed_at": time_view(erasure.completed_at),
        "found": dict(erasure.found) or None,
        "remains": _remains(erasure),
        "resource_uri": f"/v1/erasures/{erasure.erasure_id}",
    }


def _remains(erasure: Erasure) -> list[dict[str, Any]]:
    """Say what is left of the number elsewhere, and until when."""
    done = erasure.completed_at
    if done is None:
        return []
    remains = [
        ("change_stream", STREAM, "the table's own stream; nobody but us reads it"),
        ("queues", QUEUES, "messages name sessions and events, and hold no number"),
        ("backups", BACKUPS, "point-in-time backups of the table"),
        ("carrier", CARRIER, "Plivo's own copies, which it has no call to purge"),
    ]
    shown: list[dict[str, Any]] = [
        {"what": what, "until": time_view(done + span), "explanation": explanation}
        for what, span, explanation in remains
    ]
    if erasure.found.get("held_recordings"):
        explanation = "recordings under a legal hold; ask again when it is lifted"
        shown.append(
            {"what": "held_recordings", "until": None, "explanation": explanation}
        )
    return shown
