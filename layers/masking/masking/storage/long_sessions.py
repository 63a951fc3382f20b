"""A session of which a part is read, and the spans of time that are read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from masking.core.key_space import CALLBACK, Item, part_key, session_key
from masking.core.times import stamp
from masking.domain.callback_event import EARLIEST
from masking.domain.sessions import Session
from masking.storage.callbacks import UNTIMED
from masking.storage.table import between
from masking.storage.timelines import callback_event_from


@dataclass(frozen=True)
class LongSession:
    """A session of which a part is read.

    *untimed* are its callbacks without a time, *first* the first of those with one, as
    far as they came with the session, and *head* that of a final snapshot in parts.
    """

    session: Session
    untimed: Sequence[Item]
    first: Sequence[Item] = ()
    head: Item | None = None

    def untimed_in(self, since: datetime, until: datetime | None) -> list[Item]:
        """Return those that were received in a span of time."""
        return [
            item
            for item in self.untimed
            if since <= (at := callback_event_from(item).at)
            and (until is None or at < until)
        ]


def span_of(
    session_uuid: str, since: datetime, until: datetime | None
) -> dict[str, Any]:
    """Return the query for the callbacks of a span of time."""
    first = stamp(since) if since > EARLIEST else ""
    last = stamp(until) if until else UNTIMED
    return between(
        session_key(session_uuid), part_key(CALLBACK, first), part_key(CALLBACK, last)
    )


def is_before(callback: Item, until: datetime) -> bool:
    """Return whether a callback happened before a time."""
    return callback_event_from(callback).at < until
