"""Who a session is, and what may be said of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.domain import sessions, transitions
from masking.domain.sessions import Session, Status
from tests.support.session_states import (
    ASKED,
    NOW,
    active,
    reserved,
)


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

    assert transitions.hash_of_request(ASKED, {}) == transitions.hash_of_request(
        turned, {}
    )


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
    assert transitions.hash_of_request(asked, labels) != transitions.hash_of_request(
        ASKED, {}
    )


# Over, leased, recreatable


@pytest.mark.parametrize(
    ("session", "seconds", "over"),
    [
        (active(), 3599.999999, False),
        (active(), 3600, True),
        (active(), 9999, True),
        (active(status=Status.EXPIRED), 0, True),
        (transitions.begin_ending(active(), NOW), 3599, False),
        (transitions.begin_ending(active(), NOW), 3600, True),
        (active(expiry_time=None), 9999, False),
        (reserved(), 9999, False),
        (transitions.fail(active()), 9999, False),
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
    session = transitions.begin_update(active(), {"record": True}, NOW)

    assert sessions.is_leased(session, NOW)
    assert not sessions.is_leased(session, NOW + sessions.LEASE)
    assert not sessions.is_leased(active(), NOW)


def test_the_lease_outlasts_every_function_that_speaks_to_plivo() -> None:
    assert timedelta(seconds=28) < sessions.LEASE


def test_a_create_that_rings_a_phone_is_never_sent_twice() -> None:
    assert transitions.may_recreate(reserved())
    assert not transitions.may_recreate(reserved(initiate_call_to_first_party=True))


def test_the_rest_of_a_lease_is_told_in_whole_seconds_and_is_never_nothing() -> None:
    session = reserved()

    assert sessions.rest_of_lease(session, NOW) == 61
    assert sessions.rest_of_lease(session, NOW + timedelta(seconds=59.5)) == 1
    assert sessions.rest_of_lease(session, NOW + timedelta(days=1)) == 1
    assert sessions.rest_of_lease(active(), NOW) == 1


@pytest.mark.parametrize(
    ("session", "in_doubt"),
    [
        (transitions.begin_update(active(), {"record": True}, NOW), True),
        (transitions.begin_ending(active(), NOW), True),
        (active(), False),
        (reserved(), False),
        (transitions.expire(transitions.begin_ending(active(), NOW), NOW), False),
    ],
    ids=["updating", "ending", "active", "reserved", "expired"],
)
def test_what_is_on_its_way_to_plivo_is_in_doubt(
    session: Session, in_doubt: bool
) -> None:
    assert sessions.is_in_doubt(session) is in_doubt


# Retention


def test_a_session_is_hidden_from_the_very_moment_that_its_retention_ends() -> None:
    over = replace(transitions.expire(active()), kept_until=NOW)

    assert not sessions.is_hidden(over, NOW - timedelta(microseconds=1))
    assert sessions.is_hidden(over, NOW)
    assert sessions.is_shown_to("acme", replace(over, kept_until=None), NOW)
    assert not sessions.is_shown_to("acme", over, NOW)
    assert not sessions.is_shown_to("other", replace(over, kept_until=None), NOW)


def test_what_is_alive_is_never_hidden() -> None:
    alive = replace(active(), kept_until=NOW - timedelta(days=1))

    assert not sessions.is_hidden(alive, NOW)
