"""Go round the due duties within Plivo's limits, from where the last round stopped.

A round takes a lease that outlives it, so that two never work at once, and notes the
duty it stopped at, so that duties that can't be settled never keep the others from
their turn. One that is killed notes nothing: the next one begins where it began.
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

# After so many duties in a row that Plivo failed it is not asked any more.
MOST_FAILURES = 5


@dataclass
class Outcomes:
    """What a round came to: outcomes, and how long the oldest duty had been due."""

    outcomes: Counter[str] = field(default_factory=Counter)
    oldest: timedelta = timedelta(0)
    stopped: dict[str, Any] = field(default_factory=dict)
    busy: bool = False


@dataclass(frozen=True)
class ReconcileSessions:
    """What a round takes: the table, who works, the time, whether there is more."""

    stores: Stores
    reconciler: Reconciler
    number_pool: NumberPool
    rate_limit: RateLimit
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> Outcomes:
        """Work off what is due and report it; with time left, measure the number pool."""
        outcomes = self.work()
        report(outcomes, self.rate_limit.requests)
        if not outcomes.busy and self.has_time():
            number_pool.report(self.number_pool)
        return outcomes

    def work(self) -> Outcomes:
        """Work off what is due, each session once at most."""
        begun = self.now()
        until = begun + LEASE
        last = self.stores.due_work.begin_run(NAME, begun, until)
        if last is None:
            return Outcomes(busy=True)
        tally = Outcomes()
        try:
            self._work(begun, last, tally)
        finally:
            self.stores.due_work.end_run(NAME, until, tally.stopped)
        return tally

    def _work(self, begun: datetime, last: Mapping[str, Any], tally: Outcomes) -> None:
        failures = 0
        place: dict[str, Any] = {}
        for shard, due in self._due(begun, last):
            tally.oldest = max(tally.oldest, begun - times.parse_stamp(due.due_at))
            if not self.has_time() or failures >= MOST_FAILURES:
                tally.stopped = place or _place_in(last)
                return
            outcome = self._work_off(due)
            place = {"shard": shard, "after": [due.session_uuid, due.due_at]}
            tally.outcomes[outcome] += 1
            failures = failures + 1 if outcome == reconcile.FAILED else 0

    def _work_off(self, due: Due) -> str:
        try:
            return self.reconciler.work_off(due.session_uuid)
        except (BotoCoreError, ClientError):
            raise
        except Exception as error:
            # One session that we can't cope with must not keep the others waiting.
            telemetry.logger().error(
                "duty failed",
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
        """List all that is due, beginning where the last round stopped."""
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
    """Give where a round stopped, as it was noted; empty: it came round."""
    return {name: last[name] for name in ("shard", "after") if name in last}


def report(tally: Outcomes, requests: int) -> None:
    """Count what a round came to; alarms of the template wait for some of it."""
    for outcome, count in tally.outcomes.items():
        telemetry.count(f"Reconciled{outcome.title()}", count)
    repairs = sum(tally.outcomes[outcome] for outcome in reconcile.REPAIRS)
    telemetry.count("ReconciliationRepaired", repairs)
    telemetry.count("ReconcilerRequests", requests)
    telemetry.count("OldestDutyHours", tally.oldest / timedelta(hours=1))
    if tally.outcomes or tally.busy:
        telemetry.logger().info(
            "duties reconciled",
            extra={
                "outcomes": dict(tally.outcomes),
                "requests": requests,
                "stopped_early": bool(tally.stopped),
                "busy": tally.busy,
            },
        )
