"""Read a part of a session's history: its newest calls, those before, or some events.

What is read lies between checkpoints, before which calls were counted; so it costs the
same however many there were. Where none was made yet, more is read.

| access                                  | request units                          |
|-----------------------------------------|----------------------------------------|
| a session with up to 64 items           | 1 read for each 4 KB                   |
| a page of calls of any other            | 1 read for each 4 KB of those 64 and   |
|                                         | of the callbacks since the last        |
|                                         | checkpoint but one, mostly 200         |
| a page of its events                    | the same, but of those since the last  |
|                                         | checkpoint, of the page, and of 64     |
| a session that is settled               | 1 read for each 4 KB of it; if its     |
|                                         | snapshot is in parts, see settled_pages|
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from masking.core.key_space import CALLBACK, Item, is_part, part_key, session_key
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.checkpoints import BEGINNING, USUAL, Checkpoint
from masking.domain.cut_history import began_before
from masking.domain.gather_calls import AHEAD
from masking.domain.sessions import Session
from masking.domain.timeline import Timeline
from masking.storage.callback_windows import first_items
from masking.storage.callbacks import UNTIMED
from masking.storage.checkpoints import MOMENT, CheckpointStore
from masking.storage.long_sessions import LongSession, is_before, span_of
from masking.storage.session_items import Whole, session_in
from masking.storage.sessions import SessionStore
from masking.storage.settled_pages import settled_page
from masking.storage.snapshot_items import parts_of
from masking.storage.snapshots import SnapshotStore
from masking.storage.table import Table, between, written_item
from masking.storage.timelines import callback_event_from, is_final, timeline_of

# Calls that are shown at once of a session that is not read whole.
MOST_CALLS = 100

# Callbacks without a time that are read; a session with more is read whole.
MOST_UNTIMED = 64

# Callbacks of the second in which enough are read.
SOME_MORE = 16

# Callbacks that are read at once to make checkpoints.
MOST = 512


@dataclass(frozen=True)
class CallsRead:
    """Some of a session's calls, the oldest first, and how many were before them.

    *since* is the time before which those began, None if there are none.
    """

    session: Session
    calls: Sequence[Call]
    before: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class EventsRead:
    """Some of a session's callbacks, in order, with their *items* and calls."""

    session: Session
    timeline: Timeline
    items: Sequence[Item]
    history: Sequence[CallbackEvent]


class Histories:
    """Parts of histories."""

    def __init__(
        self, table: Table, sessions: SessionStore, checkpoints: CheckpointStore
    ) -> None:
        self._table = table
        self._sessions = sessions
        self._checkpoints = checkpoints
        self._snapshots = SnapshotStore(table)

    def calls(
        self, session_uuid: str, until: datetime | None = None
    ) -> CallsRead | None:
        """Read the newest calls of a session; with *until*, the newest before that.

        Returns None if the session is not kept any more. Of a session that is short
        all calls are read, and of one that is settled unless they are very many.
        """
        known = self._load(session_uuid)
        if isinstance(known, LongSession) and known.head:
            page = settled_page(
                *(self._snapshots, known.session, known.head, until),
                partial(self._told, known),
            )
            if page:
                session = replace(known.session, calls=tuple(page.records))
                return CallsRead(session, page.calls, page.before, page.since)
            known = self._sessions.load_whole(session_uuid)
        if not isinstance(known, LongSession):
            return _all_calls(known, until) if known else None
        start = self._checkpoints.before(session_uuid, until, back=1 if until else 2)
        part = self._part(known, start.at, until)
        timeline = timeline_of(part, known.session, since=start)
        calls: Sequence[Call] = timeline.calls
        if until:
            calls = began_before(calls, timeline.history, until)
        if len(calls) <= MOST_CALLS:
            since = start.at if start != BEGINNING else None
            return CallsRead(known.session, calls, start.calls, since)
        times = {each.digest: each.at for each in timeline.history}
        began = [min(times[digest] for digest in call.digests) for call in calls]
        since = began[-MOST_CALLS]
        shown = [c for c, at in zip(calls, began, strict=True) if at >= since]
        before = start.calls + len(calls) - len(shown)
        return CallsRead(known.session, shown, before, since)

    def events(
        self, session_uuid: str, after: datetime | None, least: int
    ) -> EventsRead | None:
        """Read at least so many callbacks that happened after a time, and its second.

        Without *after* they are the session's first. Fewer only if there are no more.
        Returns None if the session is not kept any more.
        """
        known = self._load(session_uuid)
        if isinstance(known, LongSession) and known.head:
            known = self._sessions.load_whole(session_uuid)
        if not isinstance(known, LongSession):
            return _all_events(known) if known else None
        after = after or EARLIEST
        start = self._checkpoints.before(session_uuid, after + MOMENT)
        found, end = self._following(known, start.at, after, least + AHEAD)
        part = [*found, *known.untimed_in(start.at, end)]
        timeline = timeline_of(part, known.session, since=start)
        history = timeline.history[:-AHEAD] if end else timeline.history
        return EventsRead(known.session, timeline, part, history)

    def number_since(
        self, session_uuid: str, at: datetime
    ) -> tuple[Session, str | None] | None:
        """Read a session, and the last number that replaced its own since a time.

        Returns None if the session is not kept any more.
        """
        known = self._load(session_uuid)
        if known is None:
            return None
        part: Iterable[Item] = (
            self._part(known, at, None)
            if isinstance(known, LongSession)
            else known.callbacks
        )
        timeline = timeline_of(part, known.session, is_cut=True)
        return known.session, timeline.virtual_number

    def timeline_until(
        self, session: Session, start: Checkpoint, until: datetime
    ) -> Timeline | None:
        """Return the timeline from a checkpoint to a time, and what follows on it.

        Returns None if many callbacks have no time.
        """
        known = self._long(session)
        if known is None:
            return None
        part = self._part(known, start.at, until)
        return timeline_of(part, session, since=start)

    def timeline_after(
        self, session: Session, start: Checkpoint
    ) -> tuple[Timeline, datetime | None] | None:
        """Return the timeline from a checkpoint on, as far as it is read at once.

        It comes with the time before which that is complete, None if it is all.
        Returns None if many callbacks have no time.
        """
        known = self._long(session)
        if known is None:
            return None
        request = span_of(session.session_uuid, start.at, None)
        found, is_all = self._table.page(MOST, **request)
        end = None if is_all else callback_event_from(found[-AHEAD]).at
        part = [*found, *known.untimed_in(start.at, end)]
        return timeline_of(part, session, since=start), end

    def _load(self, session_uuid: str) -> LongSession | Whole | None:
        """Read a session, and all of it if it is short, settled, or without times."""
        items, is_all = first_items(self._table, session_uuid)
        session = session_in(items)
        head = next(filter(parts_of, items), None)
        is_paged = head is not None and session is not None and is_final(session)
        if session is None or (is_all and not is_paged):
            return self._sessions.whole_of(items)
        timed = part_key(CALLBACK, UNTIMED)
        found = [
            each for each in items if is_part(CALLBACK, each) and each["sk"] < timed
        ]
        known = None
        if is_paged or not session.settled:
            known = self._long(session, found)
        if known and is_paged:
            return replace(known, head=head)
        return known or self._sessions.load_whole(session_uuid)

    def _told(
        self, known: LongSession, since: datetime, until: datetime | None
    ) -> Timeline:
        """Return what callbacks alone tell of a span of time."""
        start = self._checkpoints.before(known.session.session_uuid, since)
        part = self._part(known, start.at, until)
        return timeline_of(part, replace(known.session, settled=None), since=start)

    def _long(self, session: Session, found: Sequence[Item] = ()) -> LongSession | None:
        """Read the callbacks without a time; return None if they are many."""
        first = part_key(CALLBACK, UNTIMED)
        request = between(session_key(session.session_uuid), first, f"{first}~")
        untimed, is_all = self._table.page(MOST_UNTIMED, **request)
        return LongSession(session, untimed, found) if is_all else None

    def _part(
        self, known: LongSession, since: datetime, until: datetime | None
    ) -> list[Item]:
        """Read a span of callbacks, and what follows on it."""
        ahead: list[Item] = []
        if until:
            ahead, _ = self._following(known, until, EARLIEST, AHEAD)
        found = self._callbacks(known, since, until)
        return [*found, *known.untimed_in(since, until), *ahead]

    def _following(
        self, known: LongSession, since: datetime, after: datetime, least: int
    ) -> tuple[list[Item], datetime | None]:
        """Read callbacks from a time on, at least so many of them after another.

        They come with the time before which they are all, None if there are no more.
        """
        found: list[Item] = []
        times: list[datetime] = []
        counted = 0
        for item in self._callbacks(
            known, since, None, at_once=min(USUAL, least + SOME_MORE)
        ):
            at = callback_event_from(item).at
            if counted >= least and at > times[-1]:
                return found, at
            found.append(item)
            times.append(at)
            counted += at > after
        return found, None

    def _callbacks(
        self,
        known: LongSession,
        since: datetime,
        until: datetime | None,
        *,
        at_once: int | None = None,
    ) -> Iterator[Item]:
        """Yield the callbacks of a span of time, of which so many are read at once."""
        request = span_of(known.session.session_uuid, since, until)
        if at_once:
            request["Limit"] = at_once
        if since == EARLIEST and known.first:
            last = known.first[-1]
            yield from (e for e in known.first if until is None or is_before(e, until))
            request["ExclusiveStartKey"] = written_item(
                {"pk": last["pk"], "sk": last["sk"]}
            )
            if until and not is_before(last, until):
                return
        yield from self._table.query(**request)


def _all_calls(whole: Whole, until: datetime | None) -> CallsRead:
    timeline = timeline_of(whole.callbacks, whole.session)
    calls = [
        call
        for call in timeline.calls
        if until is None or (call.started_at or EARLIEST) < until
    ]
    return CallsRead(whole.session, calls)


def _all_events(whole: Whole) -> EventsRead:
    timeline = timeline_of(whole.callbacks, whole.session)
    return EventsRead(whole.session, timeline, whole.callbacks, timeline.history)
