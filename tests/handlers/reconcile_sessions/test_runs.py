"""Reconciliation runs do what is due, within limits, from where they stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from masking.domain.sessions import Session
from masking.lifecycle import reconcile, reconcile_sessions
from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import ReconcileSessions
from masking.plivo.rate_limit import RateLimit
from tests.support.harness import Harness
from tests.support.reconciling import reconciliation


def _expired(harness: Harness, count: int) -> list[Session]:
    made = [harness.create(number) for number in range(count)]
    harness.advance(minutes=16)
    harness.sweep()
    return made


def test_a_run_that_runs_out_of_time_is_continued_where_it_stopped(
    harness: Harness,
) -> None:
    made = _expired(harness, 30)
    seen: list[str] = []

    for _ in range(12):
        _round(harness, seen, has_time=_for(5)).run()
        harness.advance(minutes=1)

    first = seen[:30]
    assert sorted(set(first)) == sorted(each.session_uuid for each in made)
    assert len(seen) == 12 * 5


def test_due_work_that_fails_does_not_keep_the_rest_from_its_turn(
    harness: Harness,
) -> None:
    made = _expired(harness, 24)
    stuck = sorted(made, key=lambda s: s.session_uuid)[:12]
    seen: list[str] = []

    for _ in range(10):
        _round(harness, seen, fails={each.session_uuid for each in stuck}).work()
        harness.advance(minutes=1)

    healthy = {each.session_uuid for each in made} - {e.session_uuid for e in stuck}
    assert healthy <= set(seen)


def test_a_plivo_that_is_down_is_asked_a_few_times_in_each_run(
    harness: Harness,
) -> None:
    _expired(harness, 30)
    harness.ask_simulator("PUT", "faults", {"get_5xx": {}})
    before = harness.count_requests()

    run = harness.reconcile()

    asked = harness.count_requests() - before
    assert run.outcomes == {"failed": reconcile_sessions.MOST_FAILURES}
    assert asked == 2 * reconcile_sessions.MOST_FAILURES


def test_two_runs_never_work_at_once(harness: Harness) -> None:
    _expired(harness, 3)
    inner: list[bool] = []

    class Nosy(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            inner.append(harness.reconcile().busy)
            return super().work_off(session_uuid)

    outer = Nosy(**vars(harness.services.reconciler))
    run = reconciliation(outer).work()

    assert not run.busy
    assert inner == [True, True, True]
    assert not harness.reconcile().busy


def test_the_lease_of_a_run_that_was_killed_expires_before_the_next(
    harness: Harness,
) -> None:
    harness.stores.due_work.begin_run(
        reconcile_sessions.NAME, harness.now(), harness.now() + reconcile_sessions.LEASE
    )

    at_once = harness.reconcile().busy
    harness.advance(minutes=15)

    assert at_once
    assert not harness.reconcile().busy


def test_a_session_that_raises_a_bug_keeps_no_other_waiting(
    harness: Harness,
) -> None:
    made = _expired(harness, 3)
    poison = made[1].session_uuid
    worked: list[str] = []

    class Fragile(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            if session_uuid == poison:
                raise KeyError("a bug")
            worked.append(session_uuid)
            return reconcile.LEFT

    reconciliation(Fragile(**vars(harness.services.reconciler))).work()

    assert len(worked) == 2


def test_a_run_reports_how_long_the_oldest_work_had_been_due(harness: Harness) -> None:
    _expired(harness, 2)
    harness.advance(hours=30)

    run = harness.reconcile()

    assert run.oldest > timedelta(hours=30)


def test_a_run_with_nothing_to_do_costs_two_writes(harness: Harness) -> None:
    before = harness.units.write, harness.units.read

    harness.reconcile()

    assert harness.units.write - before[0] == 2
    assert harness.units.read - before[1] == 8


@pytest.mark.parametrize("per_second", [1, 20, 60])
def test_the_rate_limit_holds_over_every_five_seconds(per_second: int) -> None:
    ticks = 0.0
    sent: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal ticks
        ticks += seconds

    limit = RateLimit(per_second, ticks=lambda: ticks, sleep=sleep)
    for _ in range(per_second * 30):
        limit.wait()
        sent.append(ticks)

    most = max(sum(at <= t < at + 5 for t in sent) for at in sent)
    assert limit.requests == len(sent)
    assert most <= per_second * 5 * 1.5 + 1
    assert most <= 300 or per_second == 60
    assert sent[-1] >= 30 - 2.5 - 1


def _for(count: int) -> Callable[[], bool]:
    left = iter([True] * count)
    return lambda: next(left, False)


def _round(
    harness: Harness,
    seen: list[str],
    *,
    has_time: Callable[[], bool] = lambda: True,
    fails: set[str] | None = None,
) -> ReconcileSessions:
    class Noting(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            seen.append(session_uuid)
            return reconcile.FAILED if session_uuid in (fails or ()) else reconcile.LEFT

    return reconciliation(Noting(**vars(harness.services.reconciler)), has_time)
