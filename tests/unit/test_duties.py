"""What a session next needs done, and where that stands."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from masking import duties, sessions, transitions
from masking.duties import Duty, DutyKind, Rule
from masking.sessions import Pending, Session, Status
from tests.unit.session_states import (
    NOW,
    SESSION,
    active,
    reserved,
)


@pytest.mark.parametrize(
    ("session", "duty"),
    [
        (reserved(), Duty(DutyKind.CONFIRM, NOW + sessions.LEASE)),
        (active(), Duty(DutyKind.EXPIRE, NOW + timedelta(hours=1))),
        (
            active(pending=Pending({"record": True}, NOW + timedelta(seconds=9))),
            Duty(DutyKind.EXPIRE, NOW + timedelta(hours=1)),
        ),
        (
            transitions.doubt(
                transitions.begin_update(active(), {"record": True}, NOW)
            ),
            Duty(DutyKind.CHECK_UPDATE, NOW + sessions.LEASE),
        ),
        (
            transitions.begin_ending(active(), NOW),
            Duty(DutyKind.EXPIRE, NOW + timedelta(hours=1)),
        ),
        (
            transitions.doubt(transitions.begin_ending(active(), NOW)),
            Duty(DutyKind.FINISH_ENDING, NOW + sessions.LEASE),
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
def test_each_state_has_its_next_duty(session: Session, duty: Duty | None) -> None:
    assert duties.duty_of(session) == duty


def test_every_kind_of_duty_belongs_to_a_rule() -> None:
    assert duties.RULE_OF.keys() == set(DutyKind)


@pytest.mark.parametrize("rule", list(Rule))
def test_duties_spread_over_all_shards_of_their_rule(rule: Rule) -> None:
    used = {duties.shard_of(str(uuid.uuid4()), rule) for _ in range(1_000)}

    assert used == set(duties.shards(rule))
    assert len(used) == duties.SHARDS


def test_a_session_stays_in_its_shard() -> None:
    assert duties.shard_of(SESSION, Rule.SWEEP) == duties.shard_of(SESSION, Rule.SWEEP)
