"""Sessions expire on time: by the sweep, by Plivo's callback, by an app, once each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from masking.api import session_views
from masking.core.errors import MasklineError
from masking.domain.sessions import Session, Status
from tests.support.harness import Harness


def test_a_session_is_shown_as_expired_from_the_second_it_expires(
    harness: Harness,
) -> None:
    session = harness.create(session_expiry=60)

    harness.advance(seconds=59)
    before = session_views.session_view(harness.load(session), harness.now())["status"]
    harness.advance(seconds=1)
    after = session_views.session_view(harness.load(session), harness.now())["status"]

    assert (before, after) == ("active", "expired")


def test_two_sweeps_at_once_end_each_session_once(harness: Harness) -> None:
    made = [harness.create(number, session_expiry=60) for number in range(40)]
    harness.advance(seconds=61)

    with ThreadPoolExecutor(2) as pool:
        ended = sum(pool.map(lambda _: harness.sweep(), range(2)))
    harness.publish()

    assert ended == len(made)
    delivered = [
        event["session_uuid"] for event in harness.bus.of_type("session.expired")
    ]
    assert sorted(delivered) == sorted(each.session_uuid for each in made)


def test_a_sweep_out_of_time_leaves_the_rest_to_the_next(harness: Harness) -> None:
    for number in range(8):
        harness.create(number, session_expiry=60)
    harness.advance(seconds=61)

    harness.time_left = False
    nothing = harness.sweep()
    harness.time_left = True
    rest = harness.sweep()

    assert (nothing, rest) == (0, 8)


def test_an_extension_that_was_begun_first_wins_over_the_sweep(
    harness: Harness,
) -> None:
    session = harness.create(session_expiry=60)
    slow = harness.new_carrier(before=lambda: harness.advance(seconds=5))
    harness.advance(seconds=58)
    harness.carrier = harness.new_carrier(before=lambda: _sweep_late(harness))

    extended = harness.update(session, session_expiry=600)

    assert slow is not None
    assert extended.status is Status.ACTIVE
    assert harness.load(session).status is Status.ACTIVE
    assert harness.is_live(session)


def _sweep_late(harness: Harness) -> None:
    """Sweep while the update is on its way, past the old expiry by our clock alone."""
    late = harness.now() + timedelta(seconds=10)
    sweep = harness.services_at(lambda: late).expire_sessions(lambda: True)
    assert sweep.run() == 0


def test_an_extension_that_comes_after_the_sweep_is_refused(harness: Harness) -> None:
    session = harness.create(session_expiry=60)
    harness.advance(seconds=61)
    harness.sweep()

    with pytest.raises(MasklineError) as refused:
        harness.update(session, session_expiry=600)

    assert refused.value.code == "session_expired"  # type: ignore[attr-defined]
    assert harness.load(session).status is Status.EXPIRED


@pytest.mark.parametrize("order", ["plivo first", "sweep first", "delete first"])
def test_sweep_delete_and_plivos_callback_make_one_event(
    harness: Harness, order: str
) -> None:
    session = harness.create(session_expiry=60)
    if order == "delete first":
        harness.end(session)
    harness.advance(seconds=61)
    if order == "sweep first":
        harness.sweep()
    delivered = harness.deliver_callbacks(session, event="SessionTimeout")
    harness.publish()
    harness.sweep()
    harness.end(session)
    harness.publish()

    assert delivered <= 1
    assert harness.load(session).status is Status.EXPIRED
    (event,) = harness.bus.of_type("session.expired")
    assert event["session_uuid"] == session.session_uuid


def test_plivos_callback_alone_ends_a_session(harness: Harness) -> None:
    session = harness.create(session_expiry=60)
    harness.advance(seconds=61)

    assert harness.deliver_callbacks(session, event="SessionTimeout") == 1
    harness.publish()

    assert harness.load(session).status is Status.EXPIRED


def test_a_timeout_of_another_attempt_ends_nothing(harness: Harness) -> None:
    session = harness.create(session_expiry=600)
    orphan = "7f4df7f5-2b71-4a2a-9a0c-000000000001"

    harness.put_callback(
        session, {"EventName": "SessionTimeout", "SessionUUID": orphan}
    )
    harness.publish()

    assert harness.load(session).status is Status.ACTIVE


def test_a_killed_extension_that_plivo_made_goes_on_until_its_new_end(
    harness: Harness,
) -> None:
    session = harness.create(session_expiry=60)
    harness.advance(seconds=30)
    _extend_and_die(harness, session.session_uuid)
    harness.advance(seconds=90)

    swept = harness.sweep()
    shown = _status(harness, session)
    outcomes = harness.run_checks()

    assert (swept, shown) == (0, "updating")
    assert outcomes == ["checked"]
    assert _status(harness, session) == "active"
    assert harness.is_live(session)
    harness.advance(hours=1)
    assert harness.sweep() == 1
    harness.publish()
    assert not harness.is_live(session)
    assert len(harness.bus.of_type("session.expired")) == 1


def test_a_killed_extension_that_plivo_did_not_make_ends_within_two_minutes(
    harness: Harness,
) -> None:
    session = harness.create(session_expiry=60)
    harness.advance(seconds=30)
    _extend_and_die(harness, session.session_uuid, arrives=False)
    harness.advance(seconds=90)

    harness.sweep()
    harness.run_checks()
    harness.publish()

    assert _status(harness, session) == "expired"
    (event,) = harness.bus.of_type("session.expired")
    assert event["ended_by"] == "expiry"
    assert event["ended_time"] == event["expiry_time"]


@pytest.mark.parametrize("arrives", [True, False])
def test_with_plivo_down_the_end_comes_when_no_update_can_have_moved_it_further(
    harness: Harness, *, arrives: bool
) -> None:
    session = harness.create(session_expiry=600)
    _extend_and_die(harness, session.session_uuid, arrives=arrives)
    harness.ask_simulator(
        "PUT", "faults", {"get_5xx": {}, "delete_5xx_before_commit": {}}
    )
    told = []

    for _ in range(64):
        harness.advance(minutes=1)
        harness.sweep()
        harness.publish()
        harness.run_checks()
        if harness.now().minute % 15 == 0:
            harness.reconcile()
        told.append(_status(harness, session))
        assert told[-1] != "expired" or not harness.is_live(session)

    assert told[8:10] == ["active", "updating"]
    assert told[61:] == ["expired"] * 3
    assert len(harness.bus.of_type("session.expired")) == 1


def test_a_created_session_whose_expiry_nobody_can_read_ends_as_it_was_asked_to(
    harness: Harness,
) -> None:
    harness.carrier = harness.rewriting(expiry_time="soon")
    session = harness.create(session_expiry=600)
    shown = session_views.session_view(session, harness.now())

    for _ in range(12):
        harness.advance(minutes=1)
        harness.sweep()
        harness.publish()
        harness.run_checks()

    assert (shown["status"], shown["expiry_time"]) == ("active", None)
    assert harness.load(session).status is Status.EXPIRED
    assert not harness.is_live(session)
    assert len(harness.bus.of_type("session.expired")) == 1


def test_an_expiry_that_could_not_be_read_at_once_is_looked_up(
    harness: Harness,
) -> None:
    usual = harness.carrier
    harness.carrier = harness.rewriting(expiry_time="soon")
    session = harness.create(session_expiry=3600)
    harness.carrier = usual
    harness.publish()
    harness.advance(seconds=75)

    outcomes = harness.run_checks()

    known = harness.load(session)
    shown = session_views.session_view(known, harness.now())
    assert outcomes == ["checked"]
    assert not known.presumed
    assert shown["expiry_time"] is not None


def _status(harness: Harness, session: Session) -> str:
    return session_views.status_of(harness.load(session), harness.now())


def _extend_and_die(
    harness: Harness, session_uuid: str, *, arrives: bool = True
) -> None:
    """Do what an update does until its function is killed behind Plivo's answer."""
    from masking.domain import transitions

    session = harness.stores.sessions.load(session_uuid)
    assert session is not None
    changes = {"session_expiry": 3600}
    harness.stores.sessions.replace(
        session, transitions.begin_update(session, changes, harness.now())
    )
    if arrives:
        harness.carrier.update(str(session.carrier_session_uuid), changes)
    harness.publish()
    harness.check_queue.messages.clear()
