"""The sweep ends what is due, whatever else is going on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.expire_sessions import app
from masking.core import telemetry
from masking.core.settings import Settings
from masking.domain import due_work, transitions
from masking.domain.due_work import Action, Schedule
from masking.domain.sessions import EndedBy, Session, Status
from masking.storage.due_work import Due, DueWorkStore
from masking.storage.sessions import SessionStore
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.harness_parts import KeptQueue
from tests.support.payloads import Context, sample
from tests.support.sessions_there import planted, reserved, stored
from tests.support.stores import stores_with_client


def sweep(
    stores: Stores,
    clock: Clock,
    moments: int = 1_000_000,
    checks: KeptQueue | None = None,
) -> int:
    """Run the sweep; it has time for so many sessions, and sends *checks*."""
    left = iter(range(moments))
    services: Any = at(Services(Settings({})), clock, stores)
    services.check_queue = checks or KeptQueue()
    ended: int = services.expire_sessions(lambda: next(left, None) is not None).run()
    return ended


def due(stores: Stores, rule: Schedule, clock: Clock) -> set[str]:
    """Return the sessions that the index says are due."""
    return {
        found.session_uuid
        for shard in due_work.shards(rule)
        for found in stores.due_work.list_due(shard, clock())
    }


def told() -> float:
    """Return for how many minutes the sweep says that a session was over."""
    [minutes] = telemetry.metrics().metric_set["OldestExpiryMinutes"]["Value"]
    telemetry.metrics().clear_metrics()
    return float(minutes)


def test_what_is_due_ends_and_what_is_not_goes_on(stores: Stores, clock: Clock) -> None:
    over = planted(stores, clock, expiry_time=clock())
    running = planted(stores, clock, expiry_time=clock() + timedelta(microseconds=1))

    assert sweep(stores, clock) == 1

    assert stored(stores, over).status is Status.EXPIRED
    assert stored(stores, running).status is Status.ACTIVE


def test_a_swept_session_leaves_the_index(stores: Stores, clock: Clock) -> None:
    over = planted(stores, clock, expiry_time=clock())
    assert due(stores, Schedule.SWEEP, clock) == {over.session_uuid}

    sweep(stores, clock)

    assert due(stores, Schedule.SWEEP, clock) == set()
    assert sweep(stores, clock) == 0


def test_a_sweep_with_nothing_due_does_nothing(stores: Stores, clock: Clock) -> None:
    planted(stores, clock)
    reserved(stores, clock)
    clock.advance(minutes=30)

    assert sweep(stores, clock) == 0


def test_a_session_extended_meanwhile_goes_on(stores: Stores, clock: Clock) -> None:
    session = planted(stores, clock, expiry_time=clock())

    class Stale(SessionStore):
        """A store whose index still shows what was due a moment ago."""

        def load_states(self, session_uuids: Sequence[str]) -> list[Session]:
            [current] = super().load_states(session_uuids)
            later = transitions._next(current, expiry_time=clock() + timedelta(hours=1))
            self.replace(current, later)
            return [later]

    stale = stores_with_client(stores, stores.table.client)
    stale.sessions = Stale(stale.table)

    assert sweep(stale, clock) == 0
    assert stored(stores, session).status is Status.ACTIVE


def test_a_session_changed_at_the_last_moment_is_left_to_who_changed_it(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, expiry_time=clock())

    class Overtaken(SessionStore):
        """A store in which somebody else is faster."""

        def replace(self, before: Session, after: Session) -> None:
            update = transitions.begin_update(before, {"record": True}, clock())
            super().replace(before, update)
            super().replace(before, after)

    slow = stores_with_client(stores, stores.table.client)
    slow.sessions = Overtaken(slow.table)

    assert sweep(slow, clock) == 0
    assert stored(stores, session).pending


def test_two_sweeps_at_once_end_each_session_once(stores: Stores, clock: Clock) -> None:
    for _ in range(30):
        planted(stores, clock, expiry_time=clock())

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: sweep(stores, clock), range(2)))

    assert sum(ended) == 30
    assert due(stores, Schedule.SWEEP, clock) == set()


def test_a_sweep_that_runs_out_of_time_is_carried_on_by_the_next(
    stores: Stores, clock: Clock
) -> None:
    for _ in range(20):
        planted(stores, clock, expiry_time=clock())

    # Each of up to 16 shards looks at the clock once more than for its sessions, and
    # may do so first: then three looks are left for sessions, and never twenty.
    first = sweep(stores, clock, moments=19)
    second = sweep(stores, clock)

    assert 0 < first < 20
    assert first + second == 20


def test_an_update_whose_lease_runs_is_not_overtaken(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, expiry_time=clock() + timedelta(seconds=10))
    stores.sessions.replace(
        session, transitions.begin_update(session, {"record": True}, clock())
    )
    clock.advance(seconds=30)

    assert sweep(stores, clock) == 0
    assert stored(stores, session).status is Status.ACTIVE


def test_a_session_with_an_update_in_doubt_ends_and_is_looked_at_once_more(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, expiry_time=clock() + timedelta(seconds=10))
    stores.sessions.replace(
        session, transitions.begin_update(session, {"record": True}, clock())
    )
    clock.advance(seconds=90)

    assert sweep(stores, clock) == 1

    left = stored(stores, session)
    work = due_work.due_work_of(left)
    assert left.status is Status.EXPIRED
    assert left.doubted
    assert work
    assert work.kind is Action.SETTLE
    assert due(stores, Schedule.SWEEP, clock) == set()
    clock.advance(minutes=5)
    assert due(stores, Schedule.RECONCILE, clock) == {session.session_uuid}


def test_due_work_of_another_kind_is_not_the_sweeps(
    stores: Stores, clock: Clock
) -> None:
    session = reserved(stores, clock)

    class Stale(DueWorkStore):
        """An index that shows in the sweep's shard what has moved on."""

        def list_due(
            self, shard: str, _now: datetime, _after: Due | None = None
        ) -> Iterator[Due]:
            mine = due_work.shard_of(session.session_uuid, Action.EXPIRE)
            yield from [Due(session.session_uuid, "")] if shard == mine else []

    stale = stores_with_client(stores, stores.table.client)
    stale.due_work = Stale(stale.table)
    clock.advance(hours=1)

    assert sweep(stale, clock) == 0
    assert stored(stores, session).status is Status.RESERVED


def test_an_ending_that_plivo_never_confirmed_ends_with_its_time(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, expiry_time=clock() + timedelta(minutes=10))
    ending = transitions.begin_ending(session, clock())
    stores.sessions.replace(session, ending)
    stores.sessions.replace(ending, transitions.doubt(ending))
    clock.advance(minutes=10)

    assert sweep(stores, clock) == 1

    left = stored(stores, session)
    assert left.status is Status.EXPIRED
    assert left.ended_by is EndedBy.EXPIRY
    assert due(stores, Schedule.SWEEP, clock) == set()


def test_while_an_extension_is_in_doubt_the_old_expiry_ends_nothing(
    stores: Stores, clock: Clock
) -> None:
    session = in_doubt(stores, clock, timedelta(minutes=10), session_expiry=3600)
    checks = KeptQueue()
    clock.advance(minutes=9, seconds=59)
    assert sweep(stores, clock, checks=checks) == 0
    assert checks.take() == []
    clock.advance(seconds=1)

    for _ in range(40):
        assert sweep(stores, clock, checks=checks) == 0
        # Each minute Plivo is asked, and nothing but that.
        assert checks.take() == [
            {"session_uuid": session.session_uuid, "at_once": True}
        ]
        clock.advance(minutes=1)

    assert stored(stores, session) == session


def test_past_all_that_an_extension_could_have_made_of_it_the_session_is_over(
    stores: Stores, clock: Clock
) -> None:
    session = in_doubt(stores, clock, timedelta(minutes=10), session_expiry=3600)
    clock.advance(hours=1, seconds=44)
    assert sweep(stores, clock) == 0
    clock.advance(seconds=1)

    assert sweep(stores, clock) == 1

    left = stored(stores, session)
    assert left.status is Status.EXPIRED
    assert left.doubted
    assert (left.ended_by, left.ended_time) == (EndedBy.EXPIRY, None)
    assert due(stores, Schedule.SWEEP, clock) == set()


def test_an_end_beside_a_check_leaves_the_index_once_the_check_is_done(
    stores: Stores, clock: Clock
) -> None:
    session = in_doubt(stores, clock, timedelta(minutes=10), session_expiry=3600)
    settled = transitions.drop_update(session)
    extended = transitions._next(settled, expiry_time=clock() + timedelta(hours=1))
    stores.sessions.replace(session, replace(extended, version=session.version + 1))
    clock.advance(minutes=11)
    assert due(stores, Schedule.SWEEP, clock) == {session.session_uuid}

    assert sweep(stores, clock) == 0

    assert due(stores, Schedule.SWEEP, clock) == set()
    clock.advance(minutes=50)
    assert sweep(stores, clock) == 1


def in_doubt(stores: Stores, clock: Clock, lasts: timedelta, **changes: Any) -> Session:
    """Return a session with an update whose outcome is not known."""
    session = planted(stores, clock, expiry_time=clock() + lasts)
    begun = transitions.begin_update(session, changes, clock())
    stores.sessions.replace(session, begun)
    left = transitions.doubt(begun)
    stores.sessions.replace(begun, left)
    return stored(stores, left)


def test_a_session_that_is_gone_or_at_rest_is_passed_over(
    stores: Stores, clock: Clock
) -> None:
    gone = planted(stores, clock, expiry_time=clock())
    ended = planted(stores, clock, expiry_time=clock())

    class Late(SessionStore):
        """A store that changed between the index and the read."""

        def load_states(self, session_uuids: Sequence[str]) -> list[Session]:
            known = set(session_uuids) - {gone.session_uuid}
            return [transitions.expire(ended, clock()) for _ in known]

    late = stores_with_client(stores, stores.table.client)
    late.sessions = Late(late.table)

    assert sweep(late, clock) == 0


# The handler


def test_the_function_says_how_many_it_ended_and_counts_them(
    stores: Stores, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        planted(stores, clock, expiry_time=clock())

    assert app.lambda_handler(sample("expire_sessions"), Context()) == {"expired": 3}
    assert app.lambda_handler(sample("expire_sessions"), Context()) == {"expired": 0}

    emitted = capsys.readouterr().out
    assert emitted.count('"SessionsExpired":[3.0]') == 1


def test_a_function_without_time_left_begins_nothing(
    stores: Stores, clock: Clock
) -> None:
    planted(stores, clock, expiry_time=clock())

    answer = app.lambda_handler(sample("expire_sessions"), Context(left=4_000))

    assert answer == {"expired": 0}


def test_a_page_of_the_index_is_not_all_of_it(stores: Stores, clock: Clock) -> None:
    class Paged:
        """A client that answers queries one item at a time."""

        def __init__(self, client: object) -> None:
            self._client = client

        def query(self, **request: object) -> object:
            return self._client.query(**request, Limit=1)  # type: ignore[attr-defined]

    session = planted(stores, clock, expiry_time=clock())
    shard = due_work.shard_of(session.session_uuid, Action.EXPIRE)
    while len(list(stores.due_work.list_due(shard, clock()))) < 3:
        planted(stores, clock, expiry_time=clock())
    paged = stores_with_client(stores, Paged(stores.table.client))

    assert len(list(paged.due_work.list_due(shard, clock()))) == 3


def test_every_sweep_tells_how_late_it_is(stores: Stores, clock: Clock) -> None:
    sweep(stores, clock)
    assert told() == 0

    planted(stores, clock, expiry_time=clock())
    planted(stores, clock, expiry_time=clock() + timedelta(minutes=3))
    clock.advance(minutes=7)
    sweep(stores, clock)
    assert told() == 7

    sweep(stores, clock)
    assert told() == 0


def test_a_sweep_that_runs_out_of_time_tells_how_late_the_rest_is(
    stores: Stores, clock: Clock
) -> None:
    planted(stores, clock, expiry_time=clock())
    clock.advance(minutes=9)

    assert sweep(stores, clock, moments=0) == 0
    assert told() == 9


def test_a_session_that_may_not_be_over_is_not_late(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, expiry_time=clock() + timedelta(seconds=10))
    asked = {"session_expiry": 3600}
    stores.sessions.replace(session, transitions.begin_update(session, asked, clock()))
    clock.advance(minutes=20)

    checks = KeptQueue()
    assert sweep(stores, clock, checks=checks) == 0

    assert checks.messages
    assert told() == 0
