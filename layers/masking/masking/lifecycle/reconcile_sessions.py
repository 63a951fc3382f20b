"""Do all due work within Plivo's limits, from where the last run stopped.

A run takes a lease that outlives it, so that two never work at once, and records where
it stopped, so that work that can't be done never keeps the rest from its turn. A run
that is killed records nothing: the next one begins where it began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry, times
from masking.domain import due_work
from masking.domain.due_work import Schedule
from masking.lifecycle import number_pool, reconcile
from masking.storage.due_work import Due

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.number_pool import NumberPool
    from masking.lifecycle.reconcile import Reconciler
    from masking.plivo.rate_limit import RateLimit
    from masking.storage.stores import Stores


NAME = "reconcile"

# Longer than the function may run, shorter than the rule's quarter of an hour.
LEASE = timedelta(minutes=11)

# After so many failures of Plivo in a row the run stops.
MOST_FAILURES = 5


@dataclass
class Run:
    """The outcomes of a run, and how long the oldest work had been due."""

    outcomes: Counter[str] = field(default_factory=Counter)
    oldest: timedelta = timedelta(0)
    stopped: dict[str, Any] = field(default_factory=dict)
    busy: bool = False


@dataclass(frozen=True)
class ReconcileSessions:
    """Runs reconciliations; goes on only while it *has_time*."""

    stores: Stores
    reconciler: Reconciler
    number_pool: NumberPool
    rate_limit: RateLimit
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> Run:
        """Do what is due and report it; with time left, measure the number pool."""
        run = self.work()
        report(run, self.rate_limit.requests)
        if not run.busy and self.has_time():
            number_pool.report(self.number_pool)
        return run

    def work(self) -> Run:
        """Work off what is due, each session once at most."""
        begun = self.now()
        until = begun + LEASE
        last = self.stores.due_work.begin_run(NAME, begun, until)
        if last is None:
            return Run(busy=True)
        run = Run()
        try:
            self._work(begun, last, run)
        finally:
            self.stores.due_work.end_run(NAME, until, run.stopped)
        return run

    def _work(self, begun: datetime, last: Mapping[str, Any], run: Run) -> None:
        failures = 0
        place: dict[str, Any] = {}
        for shard, due in self._due(begun, last):
            run.oldest = max(run.oldest, begun - times.parse_stamp(due.due_at))
            if not self.has_time() or failures >= MOST_FAILURES:
                run.stopped = place or _place_in(last)
                return
            outcome = self._work_off(due)
            place = {"shard": shard, "after": [due.session_uuid, due.due_at]}
            run.outcomes[outcome] += 1
            failures = failures + 1 if outcome == reconcile.FAILED else 0

    def _work_off(self, due: Due) -> str:
        try:
            return self.reconciler.work_off(due.session_uuid)
        except (BotoCoreError, ClientError):
            raise
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
            return reconcile.LEFT

    def _due(
        self, begun: datetime, last: Mapping[str, Any]
    ) -> Iterator[tuple[str, Due]]:
        """List all that is due, beginning where the last run stopped."""
        shards = due_work.shards(Schedule.RECONCILE)
        place = _place_in(last)
        at = shards.index(place["shard"]) if place else 0
        after = Due(*place["after"]) if place else None
        for due in self.stores.due_work.list_due(shards[at], begun, after):
            yield shards[at], due
        for shard in shards[at + 1 :] + shards[:at]:
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


def _place_in(last: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a run stopped; empty if it got through."""
    return {name: last[name] for name in ("shard", "after") if name in last}


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
