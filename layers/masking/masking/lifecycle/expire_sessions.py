"""Expire the sessions whose time is up, at a cost that depends on these alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core import telemetry
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

# One for each shard.
WORKERS = 16

# So many states are read with one request.
BATCH = 50


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
        """
        now = self.now()
        shards = due_work.shards(Schedule.SWEEP)
        with ThreadPoolExecutor(WORKERS) as pool:
            due = pool.map(lambda shard: self._end_shard(shard, now), shards)
            ended = sum(due)
        telemetry.note(expired=ended)
        if ended:
            telemetry.count("SessionsExpired", ended)
        return ended

    def _end_shard(self, shard: str, now: datetime) -> int:
        ended = 0
        for due, session in self._due(shard, now):
            if not self.has_time():
                break
            if session and self._end(session, now):
                ended += 1
            elif session and sessions.is_live(session):
                self._send_check(session, now)
            if due.beside:
                self._drop(due, now)
        return ended

    def _drop(self, due: Due, now: datetime) -> None:
        """Take an end beside a check out of the index once the check is over."""
        current = self.stores.sessions.load_state(due.session_uuid)
        if current is None or due_work.end_beside(current) is None:
            purge_at = int(now.timestamp())
            if current:
                purge_at = self.stores.sessions.purge_at(current)
            self.stores.due_work.drop(due, purge_at)

    def _due(self, shard: str, now: datetime) -> Iterator[tuple[Due, Session | None]]:
        for batch in _batches(self.stores.due_work.list_due(shard, now)):
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


def _batches(due: Iterator[Due]) -> Iterator[list[Due]]:
    while batch := list(itertools.islice(due, BATCH)):
        yield batch
