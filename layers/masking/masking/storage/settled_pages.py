"""Read a page of the calls of a settled session whose snapshot is in parts.

A page is a part. The parts beside it and the callbacks of all three are read with it,
so that each callback finds the record that it fits best.

| access   | request units                                                           |
|----------|-------------------------------------------------------------------------|
| a page   | 1 read for each 4 KB of up to three parts (100 calls and 100 KB each),  |
|          | and of the callbacks of those times since the checkpoint before         |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from masking.core.key_space import Item
from masking.core.times import parse_stamp
from masking.domain import settled_calls
from masking.domain.callback_event import EARLIEST
from masking.domain.calls import Call
from masking.domain.sessions import Session, parties_of
from masking.domain.settled_calls import LONGEST_CALL
from masking.domain.timeline import Timeline
from masking.storage.snapshot_items import parts_of
from masking.storage.snapshots import SnapshotStore

# So far from the calls of a page their callbacks may be.
APART = timedelta(minutes=1)

# Returns the timeline that callbacks alone tell of a span of time.
Told = Callable[[datetime, datetime | None], Timeline]


@dataclass(frozen=True)
class SettledPage:
    """A page of calls, with the records of Plivo that they are taken from.

    *before* counts the calls before, *since* is the time that leads to them.
    """

    calls: Sequence[Call]
    records: Sequence[dict[str, Any]]
    before: int
    since: datetime | None


def settled_page(
    snapshots: SnapshotStore,
    session: Session,
    head: Item,
    until: datetime | None,
    told: Told,
) -> SettledPage | None:
    """Read the newest calls, with *until* those before that time.

    Returns None if it takes all calls to tell which they are.
    """
    parts = parts_of(head)
    if not parts or not all(a["last"] < b["began"] for a, b in pairwise(parts)):
        return None
    began = [parse_stamp(part["began"]) for part in parts]
    if began[0] == EARLIEST:
        return None
    if until and until <= began[0]:
        return SettledPage((), (), 0, None)
    place = max((n for n, at in enumerate(began) if not until or at < until), default=0)
    first, end = max(0, place - 1), min(len(parts), place + 2)
    records = snapshots.calls_in(head, parts[first:end])
    since = began[first] - APART
    last = parse_stamp(parts[end - 1]["last"]) + LONGEST_CALL
    if records is None:
        return None
    timeline = told(since, began[end] if end < len(parts) else None)
    near = [
        call
        for call in timeline.calls
        if call.span and call.span[1] >= since and call.span[0] <= last
    ]
    calls = settled_calls.settle(near, records, timeline.history, parties_of(session))
    before = sum(part["count"] for part in parts[:first])
    skipped = sum(part["count"] for part in parts[first:place])
    count = parts[place]["count"]
    shown = [
        replace(call, ordinal=before + call.ordinal)
        for call in calls[skipped : skipped + count]
    ]
    return SettledPage(
        shown,
        records[skipped : skipped + count],
        before + skipped,
        began[place] if place else None,
    )
