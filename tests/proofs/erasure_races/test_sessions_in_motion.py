"""A session that is not at rest is ended, waited for, or tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from masking.core.errors import ErasureNotReadyError
from masking.domain import redaction, transitions
from masking.domain.sessions import Session, Status
from tests.support.harness import Harness
from tests.support.person import (
    HANGUP,
    OTHER,
    PERSON,
    STRANGER,
    erase_person,
    receive_callback,
    reserve_only,
)
from tests.support.pii_scan import assert_nothing_is_left


@pytest.mark.parametrize(
    "fault", ["delete_5xx_before_commit", "delete_reset_after_commit"]
)
def test_an_ending_of_unknown_outcome_is_tried_until_it_is_known(
    harness: Harness, session: Session, fault: str
) -> None:
    harness.ask_simulator("PUT", "faults", {fault: {"times": 3}})
    erasure = harness.request_erasure(PERSON)

    harness.run_until_idle()

    assert not harness.is_live(session)
    assert harness.load(session).erased_at
    assert harness.load_erasure(erasure).found["sessions"] == 1


def test_one_session_that_can_not_be_ended_holds_up_no_other(
    harness: Harness, session: Session
) -> None:
    over = harness.create(first_party=PERSON, second_party=STRANGER)
    harness.end(over)
    harness.publish()
    harness.ask_simulator("PUT", "faults", {"delete_5xx_before_commit": {}})
    harness.request_erasure(PERSON)
    harness.publish()
    harness.advance(seconds=75)

    assert not harness.carry_out(harness.erasure_queue.messages[0])

    assert harness.load(session).erased_at is None
    assert harness.load(over).erased_at


def test_plivo_is_left_alone_when_it_fails_again_and_again(harness: Harness) -> None:
    made = [
        harness.create(first_party=PERSON, second_party=f"+1202555015{n}")
        for n in range(5)
    ]
    harness.publish()
    harness.ask_simulator("PUT", "faults", {"delete_5xx_before_commit": {}})
    harness.request_erasure(PERSON)
    harness.publish()

    assert not harness.carry_out(harness.erasure_queue.messages[0])

    tried = [s for s in map(harness.load, made) if s.status is Status.ENDING]
    assert len(tried) == 3


def test_when_time_is_short_the_rest_is_left_for_the_next_time(
    harness: Harness, session: Session
) -> None:
    harness.request_erasure(PERSON)
    harness.publish()
    harness.time_left = False

    assert not harness.carry_out(harness.erasure_queue.messages[0])
    assert harness.retry_after == 1
    assert harness.load(session).erased_at is None

    harness.time_left = True
    harness.run_until_idle()
    assert harness.load(session).erased_at


def test_a_create_that_is_being_worked_on_is_waited_for(harness: Harness) -> None:
    reserved = reserve_only(harness)

    with pytest.raises(ErasureNotReadyError) as waits:
        harness.erase_number().erase_session.plan(reserved.session_uuid)

    assert 0 < waits.value.retry_after <= 61


def test_a_create_of_unknown_outcome_is_asked_about_again(
    harness: Harness,
) -> None:
    reserved = reserve_only(harness)
    harness.advance(seconds=61)
    harness.ask_simulator("PUT", "faults", {"list_5xx": {}})

    with pytest.raises(ErasureNotReadyError):
        harness.erase_number().erase_session.plan(reserved.session_uuid)

    assert harness.load(reserved).status is Status.RESERVED


def test_a_session_past_its_time_is_ended_here_while_no_update_is_on_its_way(
    harness: Harness, session: Session
) -> None:
    harness.advance(minutes=9, seconds=45)
    known = harness.load(session)
    pending = transitions.begin_update(known, {"ring_timeout": 30}, harness.now())
    harness.stores.sessions.replace(known, pending)
    harness.advance(seconds=20)

    with pytest.raises(ErasureNotReadyError) as waits:
        harness.erase_number().erase_session.plan(session.session_uuid)
    harness.advance(seconds=waits.value.retry_after)
    plan = harness.erase_number().erase_session.plan(session.session_uuid)

    assert plan.session
    assert plan.session.status is Status.EXPIRED
    assert not plan.session.doubted


def test_what_is_never_at_rest_is_left_for_later(
    harness: Harness, session: Session
) -> None:
    harness.advance(minutes=11)
    over = harness.load(session)
    harness.stores.sessions.replace(over, transitions.expire(over, doubted=True))
    harness.ask_simulator("PUT", "faults", {"get_5xx": {}})

    with pytest.raises(ErasureNotReadyError):
        harness.erase_number().erase_session.plan(session.session_uuid)


def test_what_plivo_made_of_a_create_that_was_given_up_is_ended(
    harness: Harness,
) -> None:
    session = harness.create(first_party=PERSON, second_party=OTHER)
    known = harness.load(session)
    lost = replace(
        known,
        version=known.version + 1,
        status=Status.ABANDONED,
        carrier_session_uuid=None,
        expiry_time=None,
    )
    harness.stores.sessions.replace(known, lost)
    harness.publish()

    erase_person(harness)

    assert not harness.is_live(session)
    assert harness.load(session).erased_at


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABANDONED])
def test_what_shows_up_at_plivo_after_the_erasure_is_ended(
    harness: Harness, status: Status
) -> None:
    session = harness.create(first_party=PERSON, second_party=OTHER)
    known = harness.load(session)
    lost = replace(
        redaction.redacted_session(known, harness.now()),
        status=status,
        carrier_session_uuid=None,
        expiry_time=None,
    )
    harness.stores.sessions.replace(known, lost)
    harness.stores.sessions.delete_request(session.session_uuid)
    harness.skip_records()

    receive_callback(
        harness, session, {**HANGUP, "SessionUUID": str(session.carrier_session_uuid)}
    )
    harness.run_until_idle()

    assert not harness.is_live(session)
    assert harness.load(session).status is status
    assert_nothing_is_left(harness)
