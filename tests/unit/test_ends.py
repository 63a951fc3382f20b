"""When a session is over, as far as anybody can tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.domain import due_work, session_changes, sessions, transitions
from masking.domain.carrier_answers import TOTALS, totals_of
from masking.domain.due_work import Action, DueWork, Schedule
from masking.domain.sessions import EndedBy, Session, Status
from masking.stream import on_callback
from tests.support.session_states import AT_PLIVO, NOW, active, answered, reserved

HOUR = timedelta(hours=1)


def updating(**changes: Any) -> Session:
    """Return a session of one hour with an update that has just been begun."""
    return transitions.begin_update(active(), changes, NOW)


@given(st.integers(1, 10**7), st.integers(0, 45), st.integers(60, 10**6))
def test_whenever_plivo_carries_an_extension_out_it_ends_between_the_bounds(
    asked: int, seconds: int, least: int
) -> None:
    session = updating(session_expiry=asked)
    acted = NOW + timedelta(seconds=seconds)
    # Plivo may raise what is too short.
    granted = asked if asked >= 60 else min(least, 60)

    ends = acted + timedelta(seconds=granted)

    earliest, latest = sessions.earliest_end(session), sessions.latest_end(session)
    assert earliest
    assert latest
    assert earliest <= ends <= latest
    assert earliest <= NOW + HOUR <= latest


@pytest.mark.parametrize(
    ("session", "earliest", "latest"),
    [
        (active(), 3600, 3600),
        (updating(record=True), 3600, 3600),
        (updating(session_expiry=7200), 3600, 7245),
        (updating(session_expiry=600), 600, 3600),
        (updating(session_expiry=7), 7, 3600),
        (active(expiry_time=NOW, presumed=True), 0, 45),
        (transitions.begin_ending(updating(session_expiry=7200), NOW), 3600, 7245),
        (transitions.doubt(updating(session_expiry=7200)), 3600, 7245),
    ],
    ids=[
        *("sure", "another attribute", "longer", "shorter", "very short"),
        *("presumed", "ending", "in doubt"),
    ],
)
def test_the_bounds_of_an_end(session: Session, earliest: int, latest: int) -> None:
    at = [NOW + timedelta(seconds=seconds) for seconds in (earliest, latest)]

    assert [sessions.earliest_end(session), sessions.latest_end(session)] == at
    assert not sessions.is_over(session, at[1] - timedelta(microseconds=1))
    assert sessions.is_over(session, at[1])


def test_an_update_at_the_very_end_keeps_a_session_as_long_as_it_may_take() -> None:
    late = NOW + HOUR - timedelta(seconds=5)

    session = transitions.begin_update(active(), {"record": True}, late)

    assert sessions.latest_end(session) == late + sessions.LATEST_ACT


# Duties


def test_the_duty_to_end_stays_beside_the_duty_to_ask_plivo() -> None:
    update = transitions.doubt(updating(session_expiry=7200))
    ending = transitions.doubt(transitions.begin_ending(active(), NOW))
    unread = transitions.confirm(reserved(), answered(expiry_time=None), 1)

    for session in (update, ending, unread):
        due = due_work.due_work_of(session)
        assert due
        assert due_work.SCHEDULE_OF[due.kind] is Schedule.RECONCILE
        assert due_work.end_beside(session) == DueWork(Action.EXPIRE, NOW + HOUR)


@pytest.mark.parametrize(
    "session",
    [
        active(),
        updating(record=True),
        reserved(),
        transitions.expire(active()),
        transitions.fail(reserved()),
    ],
)
def test_who_needs_no_plivo_has_one_duty_at_most(session: Session) -> None:
    assert due_work.end_beside(session) is None


# Answers that cannot be read


def test_an_expiry_that_cannot_be_read_is_presumed_and_looked_up() -> None:
    session = transitions.confirm(reserved(), answered(expiry_time=None), 1)

    assert session.presumed
    assert session.expiry_time == NOW + HOUR
    assert session_changes.is_newly_in_doubt(reserved(), session)
    known = transitions.finish_update(session, answered())
    assert not known.presumed
    assert due_work.due_work_of(known) == DueWork(Action.EXPIRE, NOW + HOUR)


# What comes together


def test_an_answer_is_older_than_a_number_that_a_callback_brought_since() -> None:
    taken = updating(record=True)
    renumbered = transitions.renumber(taken, "+12025550199")

    after = transitions.finish_update(renumbered, answered(), since=taken)

    assert after.virtual_number == "+12025550199"
    assert after.pending is None
    assert after.version == renumbered.version + 1


def test_an_answer_brings_a_number_where_no_callback_did() -> None:
    taken = updating(record=True)
    told = answered(virtual_number="+12025550177")

    assert transitions.finish_update(taken, told, since=taken).virtual_number == (
        "+12025550177"
    )


def test_a_finished_update_leaves_an_ending_an_ending() -> None:
    ending = transitions.begin_ending(updating(session_expiry=7200), NOW)

    after = transitions.finish_update(ending, answered(expiry_time=NOW + 2 * HOUR))

    assert after.status is Status.ENDING
    assert after.expiry_time == NOW + 2 * HOUR


# When and why it ended


@pytest.mark.parametrize(
    ("ended", "time", "by"),
    [
        (transitions.expire(active(), NOW + 2 * HOUR), HOUR, EndedBy.EXPIRY),
        (transitions.expire(active()), HOUR, EndedBy.EXPIRY),
        (
            transitions.expire(active(), NOW + HOUR / 2, by=EndedBy.REQUEST),
            HOUR / 2,
            EndedBy.REQUEST,
        ),
        (transitions.expire(active(), NOW + HOUR / 2), HOUR / 2, EndedBy.CARRIER),
        (
            transitions.expire(
                active(),
                NOW + HOUR / 2,
                answered(status="expired", expiry_time=NOW + HOUR / 3),
                by=EndedBy.REQUEST,
            ),
            HOUR / 3,
            EndedBy.REQUEST,
        ),
        (
            transitions.finish_update(
                active(), answered(status="expired", expiry_time=NOW + HOUR / 4)
            ),
            HOUR / 4,
            EndedBy.CARRIER,
        ),
        (
            transitions.finish_update(active(), answered(status="expired")),
            HOUR,
            EndedBy.EXPIRY,
        ),
    ],
    ids=range(7),
)
def test_an_ended_session_says_when_and_why(
    ended: Session, time: timedelta, by: EndedBy
) -> None:
    assert ended.status is Status.EXPIRED
    assert ended.ended_time == NOW + time
    assert ended.ended_by is by


def test_when_an_end_in_doubt_was_is_not_known_until_plivo_tells() -> None:
    doubted = transitions.doubt(updating(session_expiry=7200))

    ended = transitions.expire(doubted, NOW + 3 * HOUR, doubted=True)
    settled = transitions.settle(
        ended, answered(status="expired", expiry_time=NOW + 2 * HOUR), (), NOW
    )

    assert ended.ended_time is None
    assert settled.ended_time == NOW + 2 * HOUR
    assert settled.ended_by is EndedBy.EXPIRY


def test_settling_does_not_forget_who_ended_it() -> None:
    ended = transitions.expire(active(), NOW + HOUR / 2, by=EndedBy.REQUEST)

    settled = transitions.settle(
        ended, answered(status="expired", expiry_time=NOW + HOUR / 2), (), NOW
    )

    assert settled.ended_by is EndedBy.REQUEST


# Plivo's word


def _told(session: Session) -> Session | None:
    told = {"EventName": "SessionTimeout", "SessionUUID": AT_PLIVO}
    return on_callback.after_callback(session, told, NOW + HOUR)


def test_plivos_timeout_ends_what_no_update_is_in_doubt_of() -> None:
    assert _told(active())
    assert _told(updating(record=True)) is None
    assert _told(transitions.doubt(updating(session_expiry=7200))) is None


# Totals


def test_totals_are_null_until_they_are_final() -> None:
    told = answered(totals={"total_call_count": 1, "amount": "0.1"})
    live = transitions.finish_update(active(), told)
    ended = transitions.expire(live)
    settled = transitions.settle(ended, told, (), NOW)
    forgotten = transitions.settle(ended, None, (), NOW)

    unknown = {**dict.fromkeys(TOTALS), "last_interaction_time": None}
    assert [totals_of(each) for each in (live, ended, forgotten)] == [unknown] * 3
    assert totals_of(settled) == {
        **TOTALS,
        "total_call_count": 1,
        "amount": "0.1",
        "last_interaction_time": None,
    }
    assert settled.totals_as_of == NOW
