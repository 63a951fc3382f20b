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
from masking.domain.due_work import Action, Schedule
from masking.domain.sessions import Session

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.storage.due_work import Due
from masking.storage.stores import Stores

# One for each shard.
WORKERS = 16

# So many states are read with one request.
BATCH = 50


@dataclass(frozen=True)
class ExpireSessions:
    """Sweeps; begins with another session only while it *has_time*."""

    stores: Stores
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> int:
        """Expire the sessions that are due; return how many they were.

        Two sweeps at once do no harm: each end is conditional on the session itself.
        What is not reached in time stays due for the next minute. A session whose
        update is on its way to Plivo is left until that has arrived.
        """
        now = self.now()
        shards = due_work.shards(Schedule.SWEEP)
        with ThreadPoolExecutor(WORKERS) as pool:
            due = pool.map(lambda shard: self._end_shard(shard, now), shards)
            ended = sum(due)
        if ended:
            telemetry.count("SessionsExpired", ended)
            telemetry.logger().info("sessions expired", extra={"sessions": ended})
        return ended

    def _end_shard(self, shard: str, now: datetime) -> int:
        ended = 0
        for session in self._due(shard, now):
            if not self.has_time():
                break
            ended += self._end(session, now)
        return ended

    def _due(self, shard: str, now: datetime) -> Iterator[Session]:
        for batch in _batches(self.stores.due_work.list_due(shard, now)):
            yield from self.stores.sessions.load_states(
                [due.session_uuid for due in batch]
            )

    def _end(self, session: Session, now: datetime) -> bool:
        """Expire one session, unless its state asks for something else by now.

        Index and read may be stale; the write is conditional on what was read.
        """
        due = due_work.due_work_of(session)
        if due is None or due.kind is not Action.EXPIRE or now < due.at:
            return False
        in_doubt = sessions.is_in_doubt(session)
        if in_doubt and sessions.is_leased(session, now):
            return False
        # Once it read as expired it must stay so, whatever an update of unknown
        # outcome did at Plivo: if it is alive there, it is ended there.
        try:
            self.stores.sessions.replace(
                session, transitions.expire(session, now, doubted=in_doubt)
            )
        except StaleStateError:
            return False
        return True


def _batches(due: Iterator[Due]) -> Iterator[list[Due]]:
    while batch := list(itertools.islice(due, BATCH)):
        yield batch
