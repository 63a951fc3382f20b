"""End the sessions whose time is up. Costs what is due, not what is alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking import sessions
from masking.errors import StaleStateError
from masking.sessions import DutyKind, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from masking.table import Due, Table
    from masking.wiring import Clock

WORKERS = 16


@dataclass(frozen=True)
class Sweep:
    """What sweeping takes: the table, the time, and whether there is time left."""

    table: Table
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> int:
        """End what is due and say how many sessions that were.

        Two sweeps at once do no harm: each end is conditional on the session itself.
        What is not reached in time is due in the next minute still.
        """
        now = self.now()
        shards = sessions.shards(Rule.SWEEP)
        with ThreadPoolExecutor(WORKERS) as pool:
            due = pool.map(lambda shard: self._end_shard(shard, now), shards)
            return sum(due)

    def _end_shard(self, shard: str, now: datetime) -> int:
        return sum(self._end(due, now) for due in self._while_time(shard, now))

    def _while_time(self, shard: str, now: datetime) -> Iterator[Due]:
        for due in self.table.due(shard, now):
            if not self.has_time():
                return
            yield due

    def _end(self, due: Due, now: datetime) -> bool:
        session = self.table.load_state(due.session_uuid)
        duty = sessions.duty_of(session) if session else None
        if session is None or duty is None:
            return False
        if duty.kind is not DutyKind.EXPIRE or now < duty.at:
            return False
        in_doubt = sessions.is_in_doubt(session)
        if in_doubt and sessions.is_leased(session, now):
            return False
        # What Plivo has is not known; until the reconciler has seen to it, reads say
        # expired by the clock and nothing is announced.
        after = sessions.doubt(session) if in_doubt else sessions.expire(session)
        try:
            self.table.replace(session, after)
        except StaleStateError:
            return False
        return not in_doubt
