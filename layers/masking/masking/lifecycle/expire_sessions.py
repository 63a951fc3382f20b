"""Expire the sessions whose time is up, at a cost that depends on these alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry, times
from masking.core.errors import StaleStateError
from masking.domain import due_work, sessions, transitions
from masking.domain.due_work import Schedule
from masking.domain.sessions import Session

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.storage.due_work import Due
    from masking.storage.queues import Queue
from masking.storage.stores import Stores

# So many states are read with one request.
BATCH = 50


@dataclass
class Swept:
    """What was done in one shard: how many sessions were ended, and how late."""

    ended: int = 0
    late: timedelta = timedelta(0)


@dataclass(frozen=True)
class ExpireSessions:
    """Sweeps; begins with another session only while it *has_time*.

    *check_queue* is the queue of sessions that Plivo is to be asked about.
    """

    stores: Stores
    check_queue: Queue
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> int:
        """Expire the sessions that are due; return how many they were.

        Two sweeps at once do no harm: each end is conditional on the session itself.
        What is not reached in time stays due for the next minute. A session that may be
        over or not, because an update is in doubt, is sent to be checked each minute;
        it is over for us once it is so whatever became of the update.

        Each sweep that comes to its end writes `OldestExpiryMinutes`, 0 if nothing was
        late: one alarm waits for a high value, another for none.
        """
        now = self.now()
        shards = due_work.shards(Schedule.SWEEP)
        # One connection is enough to look; as many as have something due to work.
        looked = [self._look(shard, now) for shard in shards]
        lists = [each for each in looked if each is not None]
        swept = [Swept()]
        if lists:
            pool = ThreadPoolExecutor(len(lists))
            try:
                swept += pool.map(lambda each: self._end_shard(each, now), lists)
            finally:
                # One that hangs is left behind, so that the function ends in time.
                pool.shutdown(wait=False, cancel_futures=True)
        ended = sum(each.ended for each in swept)
        late = max(each.late for each in swept)
        telemetry.count("OldestExpiryMinutes", late / timedelta(minutes=1))
        telemetry.note(expired=ended)
        if ended:
            telemetry.count("SessionsExpired", ended)
        return ended

    def _look(self, shard: str, now: datetime) -> Iterator[Due] | None:
        """Return what is due in a shard; None if nothing is.

        A shard that can't be read fails when it is worked at, beside the others.
        """
        listed = self.stores.due_work.list_due(shard, now)
        try:
            first = next(listed, None)
        except (BotoCoreError, ClientError):
            return self.stores.due_work.list_due(shard, now)
        return None if first is None else itertools.chain([first], listed)

    def _end_shard(self, listed: Iterator[Due], now: datetime) -> Swept:
        swept = Swept()
        for due, session in self._due(listed):
            if not self.has_time():
                swept.late = max(swept.late, now - times.parse_stamp(due.due_at))
                break
            if session:
                swept.late = max(swept.late, _overdue(session, now))
            if session and self._end(session, now):
                swept.ended += 1
            elif session and sessions.is_live(session):
                self._send_check(session, now)
            if due.beside:
                self._drop(due, now)
        return swept

    def _drop(self, due: Due, now: datetime) -> None:
        """Take an end beside a check out of the index once the check is over."""
        current = self.stores.sessions.load_state(due.session_uuid)
        if current is None or due_work.end_beside(current) is None:
            purge_at = int(now.timestamp())
            if current:
                purge_at = self.stores.sessions.purge_at(current)
            self.stores.due_work.drop(due, purge_at)

    def _due(self, listed: Iterator[Due]) -> Iterator[tuple[Due, Session | None]]:
        for batch in _batches(listed):
            states = self.stores.sessions.load_states(
                [due.session_uuid for due in batch]
            )
            found = {session.session_uuid: session for session in states}
            yield from ((due, found.get(due.session_uuid)) for due in batch)

    def _end(self, session: Session, now: datetime) -> bool:
        """Expire one session, unless its state asks for something else by now.

        Index and read may be stale; the write is conditional on what was read.
        """
        if not sessions.is_live(session) or not sessions.is_over(session, now):
            return False
        # By what is known of Plivo nothing is alive there; if it is, it is ended.
        doubted = sessions.is_in_doubt(session)
        try:
            self.stores.sessions.replace(
                session, transitions.expire(session, now, doubted=doubted)
            )
        except StaleStateError:
            return False
        return True

    def _send_check(self, session: Session, now: datetime) -> None:
        if sessions.may_be_over(session, now) and not sessions.is_leased(session, now):
            self.check_queue.send({"session_uuid": session.session_uuid}, at_once=True)


def _overdue(session: Session, now: datetime) -> timedelta:
    """Return for how long a live session has surely been over; 0 for any other."""
    ends = sessions.latest_end(session)
    if ends is None or not sessions.is_live(session):
        return timedelta(0)
    return max(now - ends, timedelta(0))


def _batches(due: Iterator[Due]) -> Iterator[list[Due]]:
    while batch := list(itertools.islice(due, BATCH)):
        yield batch
