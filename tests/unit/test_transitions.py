"""The changes of a session, from one state to the next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from masking.domain import due_work, sessions, transitions
from masking.domain.due_work import Action, DueWork
from masking.domain.sessions import Pending, Status
from tests.support.session_states import (
    AT_PLIVO,
    NOW,
    active,
    answered,
    reserved,
)


def test_a_reserved_session_is_leased_and_not_at_plivo_yet() -> None:
    session = reserved()

    assert session.status is Status.RESERVED
    assert (session.version, session.attempt) == (1, 1)
    assert session.lease_until == NOW + sessions.LEASE
    assert session.carrier_session_uuid is None
    assert session.request_hash == transitions.hash_of_request(
        session.asked, session.labels
    )


def test_every_change_counts_the_version_up_by_one() -> None:
    new, live = reserved(), active()
    changed = [
        (new, transitions.retake(new, NOW)),
        (new, transitions.confirm(new, answered(), 1)),
        (new, transitions.fail(new)),
        (new, transitions.abandon(new)),
        (live, transitions.begin_update(live, {"record": True}, NOW)),
        (live, transitions.finish_update(live, answered())),
        (live, transitions.drop_update(live)),
        (live, transitions.begin_ending(live, NOW)),
        (live, transitions.doubt(live)),
        (live, transitions.expire(live, NOW)),
    ]

    assert {after.version - before.version for before, after in changed} == {1}


def test_a_second_try_is_a_new_attempt_with_a_new_lease() -> None:
    later = NOW + timedelta(minutes=5)

    session = transitions.retake(transitions.fail(reserved()), later)

    assert session.status is Status.RESERVED
    assert session.attempt == 2
    assert session.lease_until == later + sessions.LEASE


def test_a_confirmed_session_is_what_plivo_answered() -> None:
    answer = answered(
        settings={"call_time_limit": 14400, "record": False, "ring_timeout": 45},
        totals={"amount": "0", "total_call_count": 0, "interaction": []},
    )

    session = transitions.confirm(reserved(), answer, 1)

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

    session = transitions.confirm(reserved(), answer, 1)

    assert session.answered == {
        "first_party": "+12025550100",
        "second_party": "+12025550101",
        "ring_timeout": 45,
        "total_call_count": 2,
        "total_call_amount": "0.025",
    }


def test_the_callbacks_that_we_registered_are_not_the_apps() -> None:
    ours = {"callback_url": "https://masks.example.com/v1/plivo", "record": True}

    session = transitions.confirm(
        reserved(callback_url="https://app.example.com/hook"),
        answered(settings=ours),
        1,
    )

    assert session.settings["callback_url"] == "https://app.example.com/hook"


@pytest.mark.parametrize(("attempt", "kept"), [(1, 2), (2, 2), (3, 3)])
def test_a_confirmed_session_never_goes_back_to_an_earlier_attempt(
    attempt: int, kept: int
) -> None:
    second = transitions.retake(transitions.fail(reserved()), NOW)

    assert transitions.confirm(second, answered(), attempt).attempt == kept


def test_a_session_that_is_found_expired_is_confirmed_as_expired() -> None:
    session = transitions.confirm(reserved(), answered(status="expired"), 1)

    assert session.status is Status.EXPIRED
    assert session.carrier_session_uuid == AT_PLIVO
    assert session.expiry_time
    assert due_work.due_work_of(session) == DueWork(
        Action.SETTLE, session.expiry_time + transitions.SETTLE_AFTER
    )


def test_what_an_answer_leaves_out_stays_as_it_was() -> None:
    before = transitions.begin_update(active(), {"record": True}, NOW)
    silent = answered(
        virtual_number=None, created_time=None, modified_time=None, expiry_time=None
    )

    after = transitions.finish_update(before, silent)

    assert after.virtual_number == before.virtual_number
    assert after.created_time == before.created_time
    assert after.modified_time == before.modified_time
    assert after.expiry_time == before.expiry_time


def test_an_update_is_pending_with_a_lease_before_plivo_is_asked() -> None:
    session = transitions.begin_update(active(), {"record": True}, NOW)

    assert session.pending == Pending({"record": True}, NOW + sessions.LEASE)
    assert session.settings["record"] is False


def test_plivos_answer_to_an_update_wins() -> None:
    before = transitions.begin_update(active(), {"call_time_limit": 600}, NOW)
    answer = answered(
        settings={"call_time_limit": 1800, "record": True},
        expiry_time=NOW + timedelta(hours=2),
    )

    after = transitions.finish_update(before, answer)

    assert after.pending is None
    assert after.settings["call_time_limit"] == 1800
    assert after.settings["record"] is True
    assert after.expiry_time == NOW + timedelta(hours=2)


def test_an_update_of_callbacks_alone_needs_no_answer() -> None:
    changes = {"callback_url": "https://app.example.com/new", "record": True}
    before = transitions.begin_update(active(), changes, NOW)

    after = transitions.finish_update(before, None)

    assert after.pending is None
    assert after.settings["callback_url"] == "https://app.example.com/new"
    assert after.settings["record"] is False


def test_the_apps_new_callback_outlives_plivos_next_answer() -> None:
    first = transitions.finish_update(
        transitions.begin_update(
            active(), {"callback_url": "https://app.example.com/new"}, NOW
        ),
        None,
    )

    second = transitions.finish_update(
        transitions.begin_update(first, {"record": True}, NOW),
        answered(settings={"record": True, "callback_url": "ours"}),
    )

    assert second.settings["callback_url"] == "https://app.example.com/new"
    assert second.settings["record"] is True


def test_a_setting_that_goes_back_to_what_was_asked_is_no_longer_a_difference() -> None:
    changed = transitions.finish_update(
        active(), answered(settings={"call_time_limit": 60})
    )

    back = transitions.finish_update(
        changed, answered(settings={"call_time_limit": 3600})
    )

    assert "call_time_limit" not in back.answered
    assert back.settings["call_time_limit"] == 3600


def test_an_update_answered_with_an_expired_session_ends_it() -> None:
    before = transitions.begin_update(active(), {"record": True}, NOW)

    after = transitions.finish_update(before, answered(status="expired"))

    assert after.status is Status.EXPIRED


def test_a_dropped_update_leaves_the_session_as_it_was() -> None:
    before = active()

    after = transitions.drop_update(
        transitions.begin_update(before, {"record": True}, NOW)
    )

    assert after.settings == before.settings
    assert after.pending is None
    assert after.status is Status.ACTIVE


def test_an_ending_session_is_leased_and_remembers_the_update_it_overtook() -> None:
    before = transitions.doubt(
        transitions.begin_update(active(), {"record": True}, NOW)
    )

    session = transitions.begin_ending(before, NOW)

    assert session.status is Status.ENDING
    assert session.lease_until == NOW + sessions.LEASE
    assert session.pending == before.pending
    assert sessions.lease_of(session) == session.lease_until
    assert not session.doubted


def test_doubt_ends_with_the_update_or_the_session() -> None:
    doubted = transitions.doubt(
        transitions.begin_update(active(), {"record": True}, NOW)
    )

    assert doubted.doubted
    assert not transitions.finish_update(doubted, answered()).doubted
    assert not transitions.drop_update(doubted).doubted
    assert not transitions.expire(doubted, NOW).doubted


def test_an_ended_session_has_no_pending_update_and_is_settled_soon() -> None:
    session = transitions.expire(
        transitions.begin_update(active(), {"record": True}, NOW), NOW
    )

    assert session.status is Status.EXPIRED
    assert session.lease_until is None
    assert session.pending is None
    assert due_work.due_work_of(session) == DueWork(
        Action.SETTLE, NOW + transitions.SETTLE_AFTER
    )


def test_a_failed_or_abandoned_create_holds_no_lease() -> None:
    assert transitions.fail(reserved()).lease_until is None
    assert transitions.abandon(reserved()).lease_until is None
