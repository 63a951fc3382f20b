"""What a session next needs done, and where that stands."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.domain import due_work, sessions, transitions
from masking.domain.due_work import Action, DueWork, Schedule
from masking.domain.sessions import Pending, Session, Status
from tests.support.session_states import (
    NOW,
    SESSION,
    active,
    reserved,
)


@pytest.mark.parametrize(
    ("session", "due"),
    [
        (reserved(), DueWork(Action.CONFIRM, NOW + sessions.LEASE)),
        (active(), DueWork(Action.EXPIRE, NOW + timedelta(hours=1))),
        (
            active(pending=Pending({"record": True}, NOW + timedelta(seconds=9))),
            DueWork(Action.EXPIRE, NOW + timedelta(hours=1)),
        ),
        (
            transitions.doubt(
                transitions.begin_update(active(), {"record": True}, NOW)
            ),
            DueWork(Action.CHECK_UPDATE, NOW + sessions.LEASE),
        ),
        (
            transitions.begin_ending(active(), NOW),
            DueWork(Action.EXPIRE, NOW + timedelta(hours=1)),
        ),
        (
            transitions.doubt(transitions.begin_ending(active(), NOW)),
            DueWork(Action.FINISH_ENDING, NOW + sessions.LEASE),
        ),
        (active(expiry_time=None), None),
        (active(status=Status.EXPIRED), None),
        (transitions.fail(reserved()), None),
        (transitions.abandon(reserved()), None),
    ],
    ids=[
        *("reserved", "active", "updating", "update in doubt", "ending"),
        *("ending in doubt", "endless", "expired", "failed", "abandoned"),
    ],
)
def test_each_state_has_its_due_work(session: Session, due: DueWork | None) -> None:
    assert due_work.due_work_of(session) == due


def test_every_kind_of_due_work_belongs_to_a_rule() -> None:
    assert due_work.SCHEDULE_OF.keys() == set(Action)


@pytest.mark.parametrize("rule", list(Schedule))
def test_due_work_spreads_over_all_shards_of_its_rule(rule: Schedule) -> None:
    kinds = [kind for kind, its in due_work.SCHEDULE_OF.items() if its is rule]
    used = {
        due_work.shard_of(str(uuid.uuid4()), kind)
        for kind in kinds
        for _ in range(1_000)
    }

    assert used == set(due_work.shards(rule))
    assert len(used) == due_work.SHARDS


def test_what_is_in_doubt_shares_no_shard_with_settlements() -> None:
    uuids = [str(uuid.uuid4()) for _ in range(1_000)]
    shards_of = {
        kind: {due_work.shard_of(each, kind) for each in uuids}
        for kind in Action
        if kind is not Action.EXPIRE
    }
    settling = shards_of.pop(Action.SETTLE)

    for kind, used in shards_of.items():
        assert used == set(due_work.shards_in_doubt()), kind
        assert not used & settling, kind
    assert settling == set(due_work.settlement_shards())


def test_a_session_stays_in_its_shard() -> None:
    assert due_work.shard_of(SESSION, Action.EXPIRE) == due_work.shard_of(
        SESSION, Action.EXPIRE
    )


DAY = 86_400
YEAR = timedelta(days=400)


def test_items_are_purged_a_week_after_their_retention_and_no_sooner() -> None:
    assert due_work.purge_time(1_000_000, YEAR) == 1_000_000 + 7 * DAY


@pytest.mark.parametrize("days", [0, 1, 7])
def test_an_end_that_moves_by_a_week_moves_no_purge_time(days: int) -> None:
    planned = due_work.purge_time(100 * DAY, YEAR)

    for kept_until in ((100 + days) * DAY, (100 - days) * DAY):
        assert due_work.purge_time(kept_until, YEAR, planned) == planned


@pytest.mark.parametrize("days", [-8, 8, -300, 300])
def test_an_end_that_moves_further_moves_it_as_well(days: int) -> None:
    planned = due_work.purge_time(1_000 * DAY, YEAR)
    kept_until = (1_000 + days) * DAY

    assert due_work.purge_time(kept_until, YEAR, planned) == kept_until + 7 * DAY


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=20),
    st.integers(1, 4_000).map(lambda days: timedelta(days=days)),
)
def test_however_an_end_moves_items_outlive_their_retention_and_not_by_long(
    ends: list[int], retention: timedelta
) -> None:
    slack = min(timedelta(days=7), retention / 4).total_seconds()
    planned: int | None = None
    for kept_until in ends:
        planned = due_work.purge_time(kept_until, retention, planned)

        assert kept_until <= planned <= kept_until + 2 * slack
