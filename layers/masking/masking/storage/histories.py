"""Read a part of a session's history: its newest calls, those before, or some events.

What is read is bounded by checkpoints, before which calls were counted; so it costs the
same however many there were. A session without one that is near enough is shown from
its newest callbacks, and how many calls were before them is not told.

| access                                  | request units                          |
|-----------------------------------------|----------------------------------------|
| a session with up to 64 items           | 1 read for each 4 KB                   |
| the newest calls of any other           | 1 read for each 4 KB of those 64 and   |
|                                         | of up to 512 callbacks, mostly 200     |
| a page of its events                    | the same, and of the page              |
| a session that is settled               | 1 read for each 4 KB of it             |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from masking.core.key_space import CALLBACK, Item, part_key, session_key
from masking.core.times import stamp
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.checkpoints import BEGINNING, USUAL, Checkpoint
from masking.domain.cut_history import began_before
from masking.domain.gather_calls import AHEAD
from masking.domain.sessions import Session
from masking.domain.timeline import Timeline
from masking.storage.callback_windows import load_if_few
from masking.storage.callbacks import UNTIMED
from masking.storage.checkpoints import MOMENT, CheckpointStore
from masking.storage.session_items import Whole
from masking.storage.sessions import SessionStore
from masking.storage.table import Table, between
from masking.storage.timelines import callback_event_from, timeline_of

# Callbacks that are read from a checkpoint on; with more, calls are not counted.
MOST = 512

# Callbacks without a time that are read; a session with more is not counted.
MOST_UNTIMED = 64

# A call is not shown if one of the first so many that were read is of it: what came
# before may be of it too.
IN_PART = 8


@dataclass(frozen=True)
class CallsRead:
    """Some of a session's calls, the oldest first.

    *before* is how many were before them, None if that is not known; *since* is the
    time before which those began, None if there are none.
    """

    session: Session
    calls: Sequence[Call]
    before: int | None = 0
    since: datetime | None = None


@dataclass(frozen=True)
class EventsRead:
    """Some of a session's callbacks, in order, with their *items* and calls."""

    session: Session
    timeline: Timeline
    items: Sequence[Item]
    history: Sequence[CallbackEvent]


@dataclass(frozen=True)
class _Long:
    """A session of which a part is read, and its callbacks without a time."""

    session: Session
    untimed: Sequence[Item]

    @property
    def session_uuid(self) -> str:
        return self.session.session_uuid

    def untimed_in(self, since: datetime, until: datetime | None) -> list[Item]:
        """Return those that were received in a span of time."""
        return [
            item
            for item in self.untimed
            if since <= (at := callback_event_from(item).at)
            and (until is None or at < until)
        ]


class Histories:
    """Parts of histories."""

    def __init__(
        self, table: Table, sessions: SessionStore, checkpoints: CheckpointStore
    ) -> None:
        self._table = table
        self._sessions = sessions
        self._checkpoints = checkpoints

    def calls(
        self, session_uuid: str, until: datetime | None = None
    ) -> CallsRead | None:
        """Read the newest calls of a session; with *until*, the newest before that.

        Returns None if the session is not kept any more. Of a session that is short or
        settled all calls are read.
        """
        found = self._load(session_uuid)
        if not isinstance(found, _Long):
            return _all_calls(found, until) if found else None
        start = self._checkpoints.before(session_uuid, until, back=1 if until else 2)
        part = self._part(found, start.at, until)
        if part is None:
            return self._uncounted(found, until)
        timeline = timeline_of(part, found.session, since=start)
        calls: Sequence[Call] = timeline.calls
        if until:
            calls = began_before(calls, timeline.history, until)
        since = None if start == BEGINNING else start.at
        return CallsRead(found.session, calls, start.calls, since)

    def events(
        self, session_uuid: str, after: datetime | None, least: int
    ) -> EventsRead | None:
        """Read at least so many callbacks that happened after a time, and its second.

        Without *after* they are the session's first. Fewer only if there are no more.
        Returns None if the session is not kept any more.
        """
        known = self._load(session_uuid)
        if not isinstance(known, _Long):
            return _all_events(known) if known else None
        after = after or EARLIEST
        start = self._checkpoints.before(session_uuid, after + MOMENT)
        read = self._following(session_uuid, start.at, after, least + AHEAD)
        is_counted = read is not None
        if read is None:
            # So far from a checkpoint it is not told which call they are of.
            start = replace(BEGINNING, at=after)
            read = self._following(session_uuid, after, after, least + AHEAD)
        if read is None:
            whole = self._sessions.load_whole(session_uuid)
            return _all_events(whole) if whole else None
        found, end = read
        part = [*found, *known.untimed_in(start.at, end)]
        timeline = timeline_of(part, known.session, is_cut=not is_counted, since=start)
        history = timeline.history[:-AHEAD] if end else timeline.history
        return EventsRead(known.session, timeline, part, history)

    def timeline_until(
        self, session: Session, start: Checkpoint, until: datetime
    ) -> Timeline | None:
        """Return the timeline from a checkpoint to a time, and what follows on it.

        Returns None if there is too much to be read at once.
        """
        known = self._long(session)
        part = self._part(known, start.at, until) if known else None
        return timeline_of(part, session, since=start) if part else None

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
        found, is_all = self._some(session.session_uuid, start.at, None, MOST)
        end = None if is_all else callback_event_from(found[-AHEAD]).at
        part = [*found, *known.untimed_in(start.at, end)]
        return timeline_of(part, session, since=start), end

    def _load(self, session_uuid: str) -> _Long | Whole | None:
        """Read a session, and all of it if it is short, settled, or without times."""
        session, whole = load_if_few(self._table, session_uuid)
        if session is None or whole:
            return whole
        known = None if session.settled else self._long(session)
        return known or self._sessions.load_whole(session_uuid)

    def _long(self, session: Session) -> _Long | None:
        """Read the callbacks without a time; return None if they are many."""
        first = part_key(CALLBACK, UNTIMED)
        request = between(session_key(session.session_uuid), first, f"{first}~")
        untimed, is_all = self._table.page(MOST_UNTIMED, **request)
        return _Long(session, untimed) if is_all else None

    def _part(
        self, known: _Long, since: datetime, until: datetime | None
    ) -> list[Item] | None:
        """Read a span of callbacks and what follows on it; None if it is too long."""
        session_uuid = known.session_uuid
        found, is_all = self._some(session_uuid, since, until, MOST, newest=True)
        if not is_all:
            return None
        ahead = self._ahead(session_uuid, until) if until else []
        return [*found, *known.untimed_in(since, until), *ahead]

    def _ahead(self, session_uuid: str, until: datetime) -> list[Item]:
        """Read what follows on a span, as far as a second is read whole."""
        found, is_all = self._some(session_uuid, until, None, AHEAD)
        if is_all or not found:
            return found
        end = callback_event_from(found[-1]).at
        return [each for each in found if callback_event_from(each).at < end]

    def _uncounted(self, known: _Long, until: datetime | None) -> CallsRead:
        """Read the newest calls where it is not known how many were before them."""
        session_uuid = known.session_uuid
        found, _ = self._some(session_uuid, EARLIEST, until, 2 * USUAL, newest=True)
        began = callback_event_from(found[-1]).at
        part = self._part(known, began, until) or found
        timeline = timeline_of(part, known.session, is_cut=True)
        in_part = {each.digest for each in timeline.history[:IN_PART]}
        calls = [c for c in timeline.calls if in_part.isdisjoint(c.digests)]
        if until:
            calls = began_before(calls, timeline.history, until)
        shown = {digest for call in calls for digest in call.digests}
        since = next((e.at for e in timeline.history if e.digest in shown), None)
        return CallsRead(known.session, calls, None, since)

    def _following(
        self, session_uuid: str, since: datetime, after: datetime, least: int
    ) -> tuple[list[Item], datetime | None] | None:
        """Read callbacks from a time on until there are so many after another.

        They come with the time before which they are all, None if there are no more.
        Returns None if that are too many to be read at once.
        """
        most = least + (USUAL if since < after else AHEAD)
        while most <= 2 * MOST:
            found, is_all = self._some(session_uuid, since, None, most)
            if is_all:
                return found, None
            events = [callback_event_from(each) for each in found]
            end = events[-1].at
            if sum(after < each.at < end for each in events) >= least:
                full = zip(found, events, strict=True)
                return [item for item, each in full if each.at < end], end
            most *= 2
        return None

    def _some(
        self,
        session_uuid: str,
        since: datetime,
        until: datetime | None,
        most: int,
        *,
        newest: bool = False,
    ) -> tuple[list[Item], bool]:
        """Read callbacks of a span of time; return also whether those are all."""
        first = stamp(since) if since > EARLIEST else ""
        last = stamp(until) if until else UNTIMED
        request = between(
            session_key(session_uuid),
            part_key(CALLBACK, first),
            part_key(CALLBACK, last),
        )
        return self._table.page(most, ScanIndexForward=not newest, **request)


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
