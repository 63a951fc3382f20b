"""Two ways in which the calls of a session are often kept, written for comparison.

- *scan*: callbacks in a table, found by a scan with a filter
- *list*: callbacks in a list in the session's item, which each of them is appended to

Both tell calls by the same rules as ours, from all callbacks. Their CPU is without the
requests; ours is with them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from masking.domain.sessions import parties_of
from masking.domain.timeline import build_timeline
from masking.storage.table import read_item, written_item
from masking.storage.timelines import callback_event_from
from proofs.benches.flat.histories import Cost, LongSession
from proofs.units import capacity

# An item may have so many bytes.
LARGEST_ITEM = 400 * 1_024

SCAN = "scan"
LIST = "list"


@dataclass(frozen=True)
class Design:
    """A design's costs: of a callback, and of reading the session."""

    callback: Cost
    read: Cost


def scanned(session: LongSession) -> Design:
    """Return what it costs to find the callbacks by a scan."""
    images = [written_item(each) for each in session.callbacks]
    size = sum(map(capacity.item_size, images))
    cpu = _cpu_of(session, images)
    read = capacity.query_units([size], consistent=False)
    # A callback is put, and which call it is of is found as for a read.
    return Design(Cost(cpu, read, 1), Cost(cpu, read, 0))


def listed(session: LongSession) -> Design | None:
    """Return what it costs to keep callbacks in one item; None if it is too large."""
    kept = [
        {name: each[name] for name in ("sk", "attributes", "received_at")}
        for each in session.callbacks
    ]
    size = capacity.item_size(written_item({"pk": "session", "callbacks": kept}))
    if size > LARGEST_ITEM:
        return None
    cpu = _cpu_of(session, list(map(written_item, kept)))
    read = capacity.read_units([size], consistent=True)
    write = capacity.write_units(size, size)
    return Design(Cost(cpu, read, write), Cost(cpu, read, 0))


def _cpu_of(session: LongSession, images: Sequence[Any]) -> float:
    """Return the milliseconds it takes to convert callbacks and to tell their calls."""
    began = time.thread_time()
    events = map(callback_event_from, map(read_item, images))
    build_timeline(events, parties_of(session.session))
    return 1_000 * (time.thread_time() - began)
