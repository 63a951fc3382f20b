"""Do all due work within Plivo's limits, from where the last run stopped.

What is in doubt comes first, and again each minute while sessions are settled, so that
a thousand settlements keep no create waiting. A crew of threads works side by side, at
the rate that one limit sets for all of them.

A run takes a lease that outlives it, so that two never work at once, and records where
it stopped, so that work that can't be done never keeps the rest from its turn. A run
that is killed records nothing: the next one begins where it began.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry, times
from masking.core.errors import OutOfTimeError
from masking.domain import due_work
from masking.lifecycle import number_pool, reconcile
from masking.lifecycle.crew import Crew
from masking.storage.due_work import Due

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.number_pool import NumberPool
    from masking.lifecycle.reconcile import Reconciler
    from masking.plivo.rate_limit import RateLimit
    from masking.storage.stores import Stores


NAME = "reconcile"

# Under which a run keeps where it stopped in what is in doubt. Of settlements it keeps
# that as releases up to 0.2.0 do.
IN_DOUBT = "in_doubt"

# Longer than the function may run, shorter than the rule's quarter of an hour.
LEASE = timedelta(minutes=14, seconds=30)

# After so many failures of Plivo in a row the run stops.
MOST_FAILURES = 5

# So many sessions are worked on at once: with answers of Plivo's that take 0.25 s, as
# many as its limit for an account allows.
WORKERS = 16

# How often it is looked for what is in doubt while sessions are settled.
LOOK_AGAIN = timedelta(minutes=1)

# With so little of the function's time left (seconds), a thread that hangs is left, and
# with so little it is not noted where the run stopped: the lease runs out by itself.
LEAVE_SECONDS = 10.0
NOTE_SECONDS = 7.0


@dataclass
class Run:
    """The outcomes of a run, and how long the oldest work had been due."""

    outcomes: Counter[str] = field(default_factory=Counter)
    oldest: timedelta = timedelta(0)
    stopped: dict[str, Any] = field(default_factory=dict)
    busy: bool = False
    broken: Exception | None = None
    tried: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, outcome: str, broken: Exception | None = None) -> str:
        """Count the outcome of one session, and return it."""
        with self.lock:
            self.outcomes[outcome] += 1
            self.broken = broken
        return outcome


@dataclass(frozen=True)
class ReconcileSessions:
    """Runs reconciliations; begins with another session only while it *has_time*.

    *seconds_left* is what the function has left.
    """

    stores: Stores
    reconciler: Reconciler
    number_pool: NumberPool
    rate_limit: RateLimit
    now: Clock
    has_time: Callable[[], bool]
    seconds_left: Callable[[], float] = lambda: math.inf
    workers: int = WORKERS

    def run(self) -> Run:
        """Do what is due and report it; with time left, measure the number pool."""
        run = self.work()
        report(run, self.rate_limit.requests)
        if not run.busy and self.has_time():
            with suppress(OutOfTimeError):
                number_pool.report(self.number_pool)
        return run

    def work(self) -> Run:
        """Work off what is due, each session once at most.

        Raises what the last of many failures in a row was, if that was a store's.
        """
        begun = self.now()
        until = begun + LEASE
        last = self.stores.due_work.begin_run(NAME, begun, until)
        if last is None:
            return Run(busy=True)
        run = Run()
        crew = Crew(
            self.workers, lambda outcome: outcome == reconcile.FAILED, MOST_FAILURES
        )
        try:
            self._work(begun, last, run, crew)
        finally:
            crew.leave(self._must_leave)
            if self.seconds_left() > NOTE_SECONDS:
                self.stores.due_work.end_run(NAME, until, run.stopped)
        if run.broken:
            raise run.broken
        return run

    def _must_leave(self) -> bool:
        return self.seconds_left() < LEAVE_SECONDS

    def _work(
        self, begun: datetime, last: Mapping[str, Any], run: Run, crew: Crew
    ) -> None:
        """Work off what is in doubt, then settle, and look for doubts meanwhile."""
        in_doubt = due_work.shards_in_doubt()
        stopped = self._work_off_all(
            self._due(in_doubt, begun, last.get(IN_DOUBT, {})), run, crew
        )
        if stopped is not None:
            run.stopped[IN_DOUBT] = stopped or last.get(IN_DOUBT, {})
        crew.rest(self._must_leave)
        looked = begun

        def to_settle() -> Iterator[tuple[str, Due]]:
            nonlocal looked
            settling = due_work.settlement_shards()
            for each in self._due(settling, begun, _place_in(last, settling)):
                if stopped is None and self.now() - looked >= LOOK_AGAIN:
                    looked = self.now()
                    self._work_off_all(self._due(in_doubt, looked, {}), run, crew)
                yield each

        place = self._work_off_all(to_settle(), run, crew)
        if place is not None:
            run.stopped |= place or _place_in(last, due_work.settlement_shards())

    def _work_off_all(
        self, due: Iterator[tuple[str, Due]], run: Run, crew: Crew
    ) -> dict[str, Any] | None:
        """Have the crew work off what is due; return None if it came to the end.

        Else the place of the last that was begun, empty if none was.
        """
        place: dict[str, Any] = {}
        for shard, each in due:
            if each.session_uuid in run.tried:
                continue
            run.oldest = max(run.oldest, self.now() - times.parse_stamp(each.due_at))
            work = partial(self._work_off, each, run)
            if not (self.has_time() and crew.begin(work, self._must_leave)):
                return place
            run.tried.add(each.session_uuid)
            place = {"shard": shard, "after": [each.session_uuid, each.due_at]}
        return None

    def _work_off(self, due: Due, run: Run) -> str:
        try:
            return run.note(self.reconciler.work_off(due.session_uuid))
        except OutOfTimeError:
            return run.note(reconcile.LEFT)
        except Exception as error:
            # One session that fails must not keep the others waiting.
            telemetry.logger().error(
                "due work failed",
                extra={
                    "session_uuid": due.session_uuid,
                    "error": type(error).__name__,
                },
            )
            telemetry.count("DutyFailed")
            if isinstance(error, (BotoCoreError, ClientError)):
                return run.note(reconcile.FAILED, error)
            return run.note(reconcile.LEFT)

    def _due(
        self, shards: Sequence[str], begun: datetime, place: Mapping[str, Any]
    ) -> Iterator[tuple[str, Due]]:
        """List what is due in some shards, beginning behind a place in one of them."""
        at = shards.index(place["shard"]) if place else 0
        after = Due(*place["after"]) if place else None
        for due in self.stores.due_work.list_due(shards[at], begun, after):
            yield shards[at], due
        for shard in (*shards[at + 1 :], *shards[:at]):
            for due in self.stores.due_work.list_due(shard, begun):
                yield shard, due
        if after is None:
            return
        for due in self.stores.due_work.list_due(shards[at], begun):
            if due.due_at > after.due_at:
                return
            yield shards[at], due
            if due == after:
                return


def _place_in(last: Mapping[str, Any], shards: Sequence[str]) -> dict[str, Any]:
    """Return where a run stopped in *shards*; empty if it got through."""
    if last.get("shard") not in shards:
        return {}
    return {name: last[name] for name in ("shard", "after")}


def report(run: Run, requests: int) -> None:
    """Count the outcomes of a run; alarms of the template wait for some of them."""
    for outcome, count in run.outcomes.items():
        telemetry.count(f"Reconciled{outcome.title()}", count)
    repairs = sum(run.outcomes[outcome] for outcome in reconcile.REPAIRS)
    telemetry.count("ReconciliationRepaired", repairs)
    telemetry.count("ReconcilerRequests", requests)
    telemetry.count("OldestDutyHours", run.oldest / timedelta(hours=1))
    telemetry.note(
        outcomes=dict(run.outcomes),
        requests=requests,
        stopped_early=bool(run.stopped),
        busy=run.busy,
    )
