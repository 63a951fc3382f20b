"""What an erasure is, how it proceeds, and what it found.

    request ──> RUNNING ──sweep──> RUNNING, swept_at ──close──> COMPLETED
                          │                            │
         every session is redacted           every session is looked at once more,
                                             links go last, and so the way to it

It holds the keyed hash of the number and never the number. A tombstone beside it says
since when the number is erased: what is older and becomes known late is erased then,
by whoever reads the tombstone (see `stream.session_links`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

# Longer than the 10 s after which a function is stopped that takes a callback, and
# the 15 s of one that delivers: whoever did not know of the erasure has ended.
REST = timedelta(seconds=20)

RUNNING = "running"
COMPLETED = "completed"

# What is counted. Recordings under a legal hold are kept.
KINDS = ("events", "recordings", "held_recordings", "labels", "deliveries")

# Seconds: what can't be done yet is tried again, after pauses that grow to this.
PAUSE = 15
LONGEST_PAUSE = 900


@dataclass(frozen=True)
class Erasure:
    """An erasure of all that belongs to a number. Times are aware UTC.

    *number_hash* is keyed. *found* counts by kind, and is empty before it is complete.
    *callback_url* is the app's, for the event that it is.
    """

    erasure_id: str
    tenant_id: str
    number_hash: str
    requested_at: datetime
    swept_at: datetime | None = None
    completed_at: datetime | None = None
    found: Mapping[str, int] = field(default_factory=dict)
    callback_url: str | None = None
    callback_method: str = "POST"

    @property
    def status(self) -> str:
        """Return whether it still runs."""
        return COMPLETED if self.completed_at else RUNNING


def request(tenant_id: str, number_hash: str, now: datetime) -> Erasure:
    """Begin an erasure."""
    return Erasure(str(uuid.uuid4()), tenant_id, number_hash, now)


def sweep(erasure: Erasure, now: datetime) -> Erasure:
    """Record that every session has been redacted once."""
    return replace(erasure, swept_at=now)


def close(
    erasure: Erasure, counts: Iterable[Mapping[str, int]], now: datetime
) -> Erasure:
    """Record that nothing is left, and how much there was, by the counts per session.

    What became known after it was complete is counted as well.
    """
    every = list(counts)
    found = {kind: sum(each[kind] for each in every) for kind in KINDS}
    return replace(
        erasure,
        found={"sessions": len(every), **found},
        completed_at=erasure.completed_at or now,
    )


def pause_after(received: int, at_least: int) -> int:
    """Return the seconds until a message comes again, by how often it was received."""
    return min(max(PAUSE * received, at_least), LONGEST_PAUSE)


def merged_counts(known: Mapping[str, int], seen: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a session that has been counted more than once.

    Labels and deliveries are fewer each time, callbacks may be more.
    """
    return {kind: max(known.get(kind, 0), seen[kind]) for kind in KINDS}
