"""Read the callbacks around one, so that it costs the same however many there are.

A session's items are few, as a rule, and one request reads them all. Of a session with
more than `FEW` those callbacks are read from which the calls around one are told: some
before it, some after it, those around the start of the call that it ends, and some
whose time Plivo did not tell.

| access                                    | request units                         |
|-------------------------------------------|---------------------------------------|
| a session with up to 64 items             | 1 read for each 4 KB                  |
| any other that is not settled             | 1 read for each 4 KB of those 64, and |
|                                           | of up to 120 callbacks                |
"""

from __future__ import annotations

from datetime import datetime, timedelta

from masking.core.key_space import (
    ASPECT,
    CALLBACK,
    RECORDING,
    Item,
    owner_of,
    part_key,
    session_key,
)
from masking.core.times import stamp
from masking.domain.callback_event import CallbackEvent
from masking.domain.ends_of_calls import RINGING, SLACK
from masking.domain.sessions import Session
from masking.storage.callbacks import UNTIMED
from masking.storage.session_items import Whole, session_in
from masking.storage.sessions import SessionStore
from masking.storage.table import Table, between
from masking.storage.timelines import callback_event_from

# Items of a session that are read at once, all of them.
FEW = 64

# Callbacks that are read of a session with more: in front of one, behind it, around
# the start of its call, and without a time. A call has six to ten.
BEFORE = 48
AFTER = 24
AT_START = 24
WITHOUT_TIME = 24


def first_items(table: Table, session_uuid: str) -> tuple[list[Item], bool]:
    """Read, consistently, up to `FEW` items of a session; return also if those are all.

    What tells of its state is among them.
    """
    first, last = part_key(ASPECT, ""), part_key(RECORDING, "~")
    return table.page(FEW, **between(session_key(session_uuid), first, last))


class CallbackWindows:
    """Sessions with the callbacks around one of theirs."""

    def __init__(self, table: Table, sessions: SessionStore) -> None:
        self._table = table
        self._sessions = sessions

    def around(self, callback: Item, known: Session | None = None) -> Whole | None:
        """Read, consistently, a session with the callbacks around one of its own.

        *known* is the session if it was read already and has more than `FEW` items.
        Returns None if the session is not kept any more. A session that is settled is
        read whole: Plivo's records are of all its calls.
        """
        session_uuid = owner_of(callback)
        session = known
        if session is None:
            items, is_all = first_items(self._table, session_uuid)
            session = session_in(items)
            if is_all or session is None:
                return self._sessions.whole_of(items)
        if session.settled:
            return self._sessions.load_whole(session_uuid)
        found = self._window(session_uuid, callback)
        return Whole(session, tuple(found), (), is_cut=True)

    def _window(self, session_uuid: str, callback: Item) -> list[Item]:
        """Read the callbacks around one, itself among them."""
        event = callback_event_from(callback)
        first, last = part_key(CALLBACK, ""), part_key(CALLBACK, UNTIMED)
        here = part_key(CALLBACK, stamp(event.at))
        found = [callback]
        found += self._some(session_uuid, first, here, BEFORE, newest=True)
        began = _start_of(event)
        if began and began < min(callback_event_from(each).at for each in found):
            since, until = began - RINGING, began + SLACK
            found += self._some(
                session_uuid,
                part_key(CALLBACK, stamp(since)),
                part_key(CALLBACK, stamp(until)),
                AT_START,
                newest=True,
            )
        found += self._some(session_uuid, here, last, AFTER)
        found += self._some(session_uuid, last, f"{last}~", WITHOUT_TIME, newest=True)
        return list({item["sk"]: item for item in found}.values())

    def _some(
        self,
        session_uuid: str,
        first: str,
        last: str,
        most: int,
        *,
        newest: bool = False,
    ) -> list[Item]:
        """Read the first of a session's items between two sort keys, or the last."""
        request = between(session_key(session_uuid), first, last)
        return self._table.page(most, ScanIndexForward=not newest, **request)[0]


def _start_of(event: CallbackEvent) -> datetime | None:
    """Return when what a callback ends began, as its duration says."""
    return event.at - timedelta(seconds=event.duration) if event.duration else None
