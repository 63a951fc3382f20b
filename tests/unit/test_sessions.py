"""The life of a session: states, what comes next, who a session is."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking import sessions
from masking.sessions import (
    CarrierSession,
    Duty,
    DutyKind,
    Pending,
    Rule,
    Session,
    Status,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SESSION = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
AT_PLIVO = "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"
ASKED = {
    "first_party": "+12025550100",
    "second_party": "+12025550101",
    "session_expiry": 3600,
    "call_time_limit": 3600,
    "record": False,
}


def reserved(**asked: Any) -> Session:
    """Give a session that has just been reserved."""
    return sessions.reserve(
        session_uuid=SESSION,
        tenant_id="acme",
        asked={**ASKED, **asked},
        labels={"order": "A-17"},
        base_url="https://masks.example.com",
        now=NOW,
    )


def answered(**changes: Any) -> CarrierSession:
    """Give a session as Plivo answers it."""
    answer = CarrierSession(
        session_uuid=AT_PLIVO,
        virtual_number="+12025550180",
        status="active",
        created_time=NOW,
        modified_time=NOW,
        expiry_time=NOW + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings={"first_party": "+12025550100", "call_time_limit": 3600},
        totals={"duration": 3600},
    )
    return replace(answer, **changes)


def active(**changes: Any) -> Session:
    """Give a session that Plivo has confirmed."""
    return replace(sessions.confirm(reserved(), answered(), 1), **changes)


# Who a session is


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_key_names_one_session_of_one_tenant(
    tenant: str, other_tenant: str, key: str
) -> None:
    same = sessions.session_uuid_for(tenant, key)

    assert sessions.session_uuid_for(tenant, key) == same
    if other_tenant != tenant:
        assert sessions.session_uuid_for(other_tenant, key) != same


def test_tenant_and_key_do_not_run_together() -> None:
    assert sessions.session_uuid_for("ab", "c") != sessions.session_uuid_for("a", "bc")


def test_without_a_key_each_request_is_its_own_session() -> None:
    made = {sessions.session_uuid_for("acme", None) for _ in range(100)}

    assert len(made) == 100
    assert all(str(uuid.UUID(name)) == name for name in made)


def test_equal_requests_have_one_hash_whatever_their_order() -> None:
    turned = dict(reversed(ASKED.items()))

    assert sessions.hash_of_request(ASKED, {}) == sessions.hash_of_request(turned, {})


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ({**ASKED, "record": True}, {}),
        ({**ASKED, "session_expiry": 3601}, {}),
        ({**ASKED, "ring_timeout": 45}, {}),
        (ASKED, {"order": "A-17"}),
    ],
)
def test_another_request_has_another_hash(
    asked: dict[str, Any], labels: dict[str, str]
) -> None:
    assert sessions.hash_of_request(asked, labels) != sessions.hash_of_request(
        ASKED, {}
    )


# Duties


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
            sessions.doubt(sessions.begin_update(active(), {"record": True}, NOW)),
            Duty(DutyKind.CHECK_UPDATE, NOW + sessions.LEASE),
        ),
        (
            sessions.begin_ending(active(), NOW),
            Duty(DutyKind.EXPIRE, NOW + timedelta(hours=1)),
        ),
        (
            sessions.doubt(sessions.begin_ending(active(), NOW)),
            Duty(DutyKind.FINISH_ENDING, NOW + sessions.LEASE),
        ),
        (active(expiry_time=None), None),
        (active(status=Status.EXPIRED), None),
        (sessions.fail(reserved()), None),
        (sessions.abandon(reserved()), None),
    ],
    ids=[
        *("reserved", "active", "updating", "update in doubt", "ending"),
        *("ending in doubt", "endless", "expired", "failed", "abandoned"),
    ],
)
def test_each_state_has_its_next_duty(session: Session, duty: Duty | None) -> None:
    assert sessions.duty_of(session) == duty


def test_every_kind_of_duty_belongs_to_a_rule() -> None:
    assert sessions.RULE_OF.keys() == set(DutyKind)


@pytest.mark.parametrize("rule", list(Rule))
def test_duties_spread_over_all_shards_of_their_rule(rule: Rule) -> None:
    used = {sessions.shard_of(str(uuid.uuid4()), rule) for _ in range(1_000)}

    assert used == set(sessions.shards(rule))
    assert len(used) == sessions.SHARDS


def test_a_session_stays_in_its_shard() -> None:
    assert sessions.shard_of(SESSION, Rule.SWEEP) == sessions.shard_of(
        SESSION, Rule.SWEEP
    )


# Over, leased, recreatable


@pytest.mark.parametrize(
    ("session", "seconds", "over"),
    [
        (active(), 3599.999999, False),
        (active(), 3600, True),
        (active(), 9999, True),
        (active(status=Status.EXPIRED), 0, True),
        (sessions.begin_ending(active(), NOW), 3599, False),
        (sessions.begin_ending(active(), NOW), 3600, True),
        (active(expiry_time=None), 9999, False),
        (reserved(), 9999, False),
        (sessions.fail(active()), 9999, False),
    ],
    ids=[
        *("just before", "to the second", "after", "ended", "ending", "ending, over"),
        *("endless", "new", "failed"),
    ],
)
def test_a_session_is_over_from_the_very_second_it_expires(
    session: Session, seconds: float, over: bool
) -> None:
    assert sessions.is_over(session, NOW + timedelta(seconds=seconds)) is over


def test_a_lease_runs_until_its_end_and_no_longer() -> None:
    session = reserved()

    assert sessions.is_leased(session, NOW + sessions.LEASE - timedelta(microseconds=1))
    assert not sessions.is_leased(session, NOW + sessions.LEASE)


def test_a_pending_update_has_a_lease_of_its_own() -> None:
    session = sessions.begin_update(active(), {"record": True}, NOW)

    assert sessions.is_leased(session, NOW)
    assert not sessions.is_leased(session, NOW + sessions.LEASE)
    assert not sessions.is_leased(active(), NOW)


def test_the_lease_outlasts_every_function_that_speaks_to_plivo() -> None:
    assert sessions.LEASE > timedelta(seconds=28)


def test_a_create_that_rings_a_phone_is_never_sent_twice() -> None:
    assert sessions.may_recreate(reserved())
    assert not sessions.may_recreate(reserved(initiate_call_to_first_party=True))


def test_the_rest_of_a_lease_is_told_in_whole_seconds_and_is_never_nothing() -> None:
    session = reserved()

    assert sessions.rest_of_lease(session, NOW) == 61
    assert sessions.rest_of_lease(session, NOW + timedelta(seconds=59.5)) == 1
    assert sessions.rest_of_lease(session, NOW + timedelta(days=1)) == 1
    assert sessions.rest_of_lease(active(), NOW) == 1


@pytest.mark.parametrize(
    ("session", "in_doubt"),
    [
        (sessions.begin_update(active(), {"record": True}, NOW), True),
        (sessions.begin_ending(active(), NOW), True),
        (active(), False),
        (reserved(), False),
        (sessions.expire(sessions.begin_ending(active(), NOW), NOW), False),
    ],
    ids=["updating", "ending", "active", "reserved", "expired"],
)
def test_what_is_on_its_way_to_plivo_is_in_doubt(
    session: Session, in_doubt: bool
) -> None:
    assert sessions.is_in_doubt(session) is in_doubt


# Changes


def test_a_reserved_session_is_leased_and_not_at_plivo_yet() -> None:
    session = reserved()

    assert session.status is Status.RESERVED
    assert (session.version, session.attempt) == (1, 1)
    assert session.lease_until == NOW + sessions.LEASE
    assert session.carrier_session_uuid is None
    assert session.request_hash == sessions.hash_of_request(
        session.asked, session.labels
    )


def test_every_change_counts_the_version_up_by_one() -> None:
    new, live = reserved(), active()
    changed = [
        (new, sessions.retake(new, NOW)),
        (new, sessions.confirm(new, answered(), 1)),
        (new, sessions.fail(new)),
        (new, sessions.abandon(new)),
        (live, sessions.begin_update(live, {"record": True}, NOW)),
        (live, sessions.finish_update(live, answered())),
        (live, sessions.drop_update(live)),
        (live, sessions.begin_ending(live, NOW)),
        (live, sessions.doubt(live)),
        (live, sessions.expire(live, NOW)),
    ]

    assert {after.version - before.version for before, after in changed} == {1}


def test_a_second_try_is_a_new_attempt_with_a_new_lease() -> None:
    later = NOW + timedelta(minutes=5)

    session = sessions.retake(sessions.fail(reserved()), later)

    assert session.status is Status.RESERVED
    assert session.attempt == 2
    assert session.lease_until == later + sessions.LEASE


def test_a_confirmed_session_is_what_plivo_answered() -> None:
    answer = answered(
        settings={"call_time_limit": 14400, "record": False, "ring_timeout": 45},
        totals={"amount": "0", "total_call_count": 0, "interaction": []},
    )

    session = sessions.confirm(reserved(), answer, 1)

    assert session.status is Status.ACTIVE
    assert session.carrier_session_uuid == AT_PLIVO
    assert session.virtual_number == "+12025550180"
    assert session.expiry_time == NOW + timedelta(hours=1)
    assert session.lease_until is None
    assert session.settings["call_time_limit"] == 14400
    assert session.settings["session_expiry"] == 3600


def test_of_an_answer_what_differs_from_the_request_is_kept_and_the_parties() -> None:
    answer = answered(
        settings={"call_time_limit": 3600, "record": False, "ring_timeout": 45},
        totals={
            "amount": "0",
            "total_call_count": 2,
            "total_call_amount": "0.025",
            "last_interaction_time": None,
            "interaction": [],
        },
    )

    session = sessions.confirm(reserved(), answer, 1)

    assert session.answered == {
        "first_party": "+12025550100",
        "second_party": "+12025550101",
        "ring_timeout": 45,
        "total_call_count": 2,
        "total_call_amount": "0.025",
    }


def test_the_callbacks_that_we_registered_are_not_the_apps() -> None:
    ours = {"callback_url": "https://masks.example.com/v1/plivo", "record": True}

    session = sessions.confirm(
        reserved(callback_url="https://app.example.com/hook"),
        answered(settings=ours),
        1,
    )

    assert session.settings["callback_url"] == "https://app.example.com/hook"


@pytest.mark.parametrize(("attempt", "kept"), [(1, 2), (2, 2), (3, 3)])
def test_a_confirmed_session_never_goes_back_to_an_earlier_attempt(
    attempt: int, kept: int
) -> None:
    second = sessions.retake(sessions.fail(reserved()), NOW)

    assert sessions.confirm(second, answered(), attempt).attempt == kept


def test_a_session_that_is_found_expired_is_confirmed_as_expired() -> None:
    session = sessions.confirm(reserved(), answered(status="expired"), 1)

    assert session.status is Status.EXPIRED
    assert session.carrier_session_uuid == AT_PLIVO
    assert session.expiry_time
    assert sessions.duty_of(session) == Duty(
        DutyKind.SETTLE, session.expiry_time + sessions.SETTLE_AFTER
    )


def test_what_an_answer_leaves_out_stays_as_it_was() -> None:
    before = sessions.begin_update(active(), {"record": True}, NOW)
    silent = answered(
        virtual_number=None, created_time=None, modified_time=None, expiry_time=None
    )

    after = sessions.finish_update(before, silent)

    assert after.virtual_number == before.virtual_number
    assert after.created_time == before.created_time
    assert after.modified_time == before.modified_time
    assert after.expiry_time == before.expiry_time


def test_an_update_is_pending_with_a_lease_before_plivo_is_asked() -> None:
    session = sessions.begin_update(active(), {"record": True}, NOW)

    assert session.pending == Pending({"record": True}, NOW + sessions.LEASE)
    assert session.settings["record"] is False


def test_plivos_answer_to_an_update_wins() -> None:
    before = sessions.begin_update(active(), {"call_time_limit": 600}, NOW)
    answer = answered(
        settings={"call_time_limit": 1800, "record": True},
        expiry_time=NOW + timedelta(hours=2),
    )

    after = sessions.finish_update(before, answer)

    assert after.pending is None
    assert after.settings["call_time_limit"] == 1800
    assert after.settings["record"] is True
    assert after.expiry_time == NOW + timedelta(hours=2)


def test_an_update_of_callbacks_alone_needs_no_answer() -> None:
    changes = {"callback_url": "https://app.example.com/new", "record": True}
    before = sessions.begin_update(active(), changes, NOW)

    after = sessions.finish_update(before, None)

    assert after.pending is None
    assert after.settings["callback_url"] == "https://app.example.com/new"
    assert after.settings["record"] is False


def test_the_apps_new_callback_outlives_plivos_next_answer() -> None:
    first = sessions.finish_update(
        sessions.begin_update(
            active(), {"callback_url": "https://app.example.com/new"}, NOW
        ),
        None,
    )

    second = sessions.finish_update(
        sessions.begin_update(first, {"record": True}, NOW),
        answered(settings={"record": True, "callback_url": "ours"}),
    )

    assert second.settings["callback_url"] == "https://app.example.com/new"
    assert second.settings["record"] is True


def test_a_setting_that_goes_back_to_what_was_asked_is_no_longer_a_difference() -> None:
    changed = sessions.finish_update(
        active(), answered(settings={"call_time_limit": 60})
    )

    back = sessions.finish_update(changed, answered(settings={"call_time_limit": 3600}))

    assert "call_time_limit" not in back.answered
    assert back.settings["call_time_limit"] == 3600


def test_an_update_answered_with_an_expired_session_ends_it() -> None:
    before = sessions.begin_update(active(), {"record": True}, NOW)

    after = sessions.finish_update(before, answered(status="expired"))

    assert after.status is Status.EXPIRED


def test_a_dropped_update_leaves_the_session_as_it_was() -> None:
    before = active()

    after = sessions.drop_update(sessions.begin_update(before, {"record": True}, NOW))

    assert after.settings == before.settings
    assert after.pending is None
    assert after.status is Status.ACTIVE


def test_an_ending_session_is_leased_and_remembers_the_update_it_overtook() -> None:
    before = sessions.doubt(sessions.begin_update(active(), {"record": True}, NOW))

    session = sessions.begin_ending(before, NOW)

    assert session.status is Status.ENDING
    assert session.lease_until == NOW + sessions.LEASE
    assert session.pending == before.pending
    assert sessions.lease_of(session) == session.lease_until
    assert not session.doubted


def test_doubt_ends_with_the_update_or_the_session() -> None:
    doubted = sessions.doubt(sessions.begin_update(active(), {"record": True}, NOW))

    assert doubted.doubted
    assert not sessions.finish_update(doubted, answered()).doubted
    assert not sessions.drop_update(doubted).doubted
    assert not sessions.expire(doubted, NOW).doubted


def test_an_ended_session_has_no_pending_update_and_is_settled_soon() -> None:
    session = sessions.expire(
        sessions.begin_update(active(), {"record": True}, NOW), NOW
    )

    assert session.status is Status.EXPIRED
    assert session.lease_until is None
    assert session.pending is None
    assert sessions.duty_of(session) == Duty(
        DutyKind.SETTLE, NOW + sessions.SETTLE_AFTER
    )


def test_a_failed_or_abandoned_create_holds_no_lease() -> None:
    assert sessions.fail(reserved()).lease_until is None
    assert sessions.abandon(reserved()).lease_until is None
