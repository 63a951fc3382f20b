"""Reconciliation runs do what is due, within limits, from where they stopped."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from masking.core.errors import OutOfTimeError
from masking.core.key_space import STATE
from masking.domain import due_work, sessions
from masking.domain.sessions import Session, Status
from masking.lifecycle import reconcile, reconcile_sessions
from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import WORKERS, ReconcileSessions
from masking.plivo.rate_limit import ASK_SECONDS, RateLimit
from masking.storage.table import written_item
from tests.support.clock import Clock
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


def test_the_rate_holds_over_all_threads() -> None:
    """A thousand requests by 16 threads, on a clock that sleeping moves."""
    lock = threading.Lock()
    begun = 0.0
    sent: list[float] = []
    waits = threading.local()

    def sleep(seconds: float) -> None:
        waits.seconds = seconds

    limit = RateLimit(20, ticks=lambda: begun, sleep=sleep)

    def ask() -> None:
        for _ in range(50):
            waits.seconds = 0.0
            limit.wait()
            with lock:
                sent.append(begun + waits.seconds)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sent.sort()
    most = max(bisect_left(sent, at + 5) - n for n, at in enumerate(sent))
    assert limit.requests == len(sent) == 800
    assert most <= 20 * 5 * 1.5 + 1
    assert len(set(sent)) >= 800 - 50


def test_no_request_is_begun_that_the_function_would_not_live_to_see() -> None:
    limit = RateLimit(20, seconds_left=lambda: ASK_SECONDS - 1)

    with pytest.raises(OutOfTimeError):
        limit.wait()

    assert limit.requests == 0


def test_a_thousand_settlements_keep_no_create_in_doubt_waiting(
    harness: Harness,
) -> None:
    """A minute passes with every tenth settlement; a create is in doubt from then on.

    It is found within a minute, whatever is still to be settled.
    """
    now = harness.now()
    settling = [_planted(number, now, Status.EXPIRED) for number in range(1_000)]
    harness.put_sessions(settling)
    doubted = _planted(1_000, now, Status.RESERVED)
    late = _planted(1_001, now, Status.RESERVED)
    harness.put_sessions([doubted])
    clock = Clock(now)
    seen: list[str] = []
    lock = threading.Lock()

    class Noting(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            with lock:
                seen.append(session_uuid)
                clock.advance(seconds=6)
                if len(seen) == 100:
                    harness.put_sessions([late])
            return reconcile.LEFT

    reconciler = Noting(**{**vars(harness.services.reconciler), "now": clock})
    reconciliation(reconciler).work()

    assert seen[0] == doubted.session_uuid
    assert 100 <= seen.index(late.session_uuid) <= 100 + 10 + 2 * WORKERS
    assert len(seen) == len(set(seen)) == 1_002


def test_what_a_release_before_left_in_any_shard_is_worked_off(
    harness: Harness,
) -> None:
    """Release 0.2.0 spread all of the reconciler's work over all of its shards."""
    now = harness.now()
    shards = due_work.shards(due_work.Schedule.RECONCILE)
    planted = {
        status: [_planted(number, now, status) for number in numbers]
        for status, numbers in (
            (Status.EXPIRED, range(16)),
            (Status.RESERVED, range(16, 32)),
        )
    }
    for made in planted.values():
        harness.put_sessions(made)
        for shard, session in zip(shards, made, strict=True):
            harness.dynamodb.update_item(
                TableName=harness.table_name,
                Key=written_item({"pk": f"S#{session.session_uuid}", "sk": STATE}),
                UpdateExpression="SET duty_shard = :shard",
                ExpressionAttributeValues=written_item({":shard": shard}),
            )
    seen: list[str] = []

    _round(harness, seen).work()

    everything = [each for made in planted.values() for each in made]
    assert sorted(seen) == sorted(each.session_uuid for each in everything)


def test_a_place_that_a_release_before_kept_is_where_the_run_goes_on(
    harness: Harness,
) -> None:
    made = _expired(harness, 4)
    _round(harness, [], has_time=_for(2)).work()
    due = harness.stores.due_work
    at = harness.now()
    kept = due.begin_run(reconcile_sessions.NAME, at, at + reconcile_sessions.LEASE)
    assert kept
    in_doubt = {"shard": "reconcile#02", "after": kept["after"]}
    due.end_run(reconcile_sessions.NAME, at + reconcile_sessions.LEASE, in_doubt)
    seen: list[str] = []

    _round(harness, seen).work()

    assert {"shard", "after"} <= kept.keys()
    assert sorted(seen) == sorted(each.session_uuid for each in made)


def test_a_fault_of_the_store_in_one_session_stops_no_other(
    harness: Harness,
) -> None:
    made = _expired(harness, 12)
    poison = made[3].session_uuid
    worked: list[str] = []

    class Fragile(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            if session_uuid == poison:
                raise ClientError({"Error": {"Code": "ValidationException"}}, "PutItem")
            worked.append(session_uuid)
            return reconcile.LEFT

    run = reconciliation(Fragile(**vars(harness.services.reconciler))).work()

    assert len(worked) == 11
    assert run.outcomes["failed"] == 1


def test_a_store_that_fails_every_time_fails_the_run_and_frees_its_lease(
    harness: Harness,
) -> None:
    _expired(harness, 12)
    tries: list[str] = []

    class Down(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            tries.append(session_uuid)
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.com")

    with pytest.raises(EndpointConnectionError):
        reconciliation(Down(**vars(harness.services.reconciler))).work()

    assert len(tries) == reconcile_sessions.MOST_FAILURES
    assert not harness.reconcile().busy


def test_a_thread_that_hangs_is_left_when_the_function_must_end(
    harness: Harness,
) -> None:
    _expired(harness, 1)
    woken = threading.Event()

    class Hanging(Reconciler):
        def work_off(self, session_uuid: str) -> str:
            woken.wait(30)
            return super().work_off(session_uuid)

    hanging = reconciliation(Hanging(**vars(harness.services.reconciler)))
    run = replace(hanging, seconds_left=lambda: 9.0).work()
    woken.set()

    assert not run.outcomes
    assert not harness.reconcile().busy


def _planted(number: int, at: datetime, status: Status) -> Session:
    """Return a session for which something is due."""
    return Session(
        session_uuid=sessions.session_uuid_for("acme", f"planted {number}"),
        tenant_id="acme",
        status=status,
        version=1,
        attempt=1,
        request_hash="",
        base_url="",
        reserved_at=at - timedelta(hours=2),
        lease_until=at - timedelta(hours=1) if status is Status.RESERVED else None,
        settle_at=at - timedelta(hours=1) if status is Status.EXPIRED else None,
    )


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
