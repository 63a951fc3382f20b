"""Sessions expire on time: by the sweep, by Plivo's callback, by an app, once each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from masking.api import session_views
from masking.core.errors import MasklineError
from masking.domain.sessions import Status
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


def test_a_killed_extension_that_plivo_made_is_ended_there_after_the_flip(
    harness: Harness,
) -> None:
    session = harness.create(session_expiry=60)
    harness.advance(seconds=30)
    _extend_and_die(harness, session.session_uuid)
    harness.advance(seconds=90)

    ended = harness.sweep()
    harness.publish()
    outcomes = harness.run_checks()
    harness.publish()

    assert ended == 1
    assert outcomes == ["ended"]
    assert not harness.is_live(session)
    assert len(harness.bus.of_type("session.expired")) == 1
    (repair,) = harness.bus.of_type("reconciliation.repaired")
    assert repair["repair"] == "ended_late"


def _extend_and_die(harness: Harness, session_uuid: str) -> None:
    """Do what an update does until its function is killed behind Plivo's answer."""
    from masking.domain import transitions

    session = harness.stores.sessions.load(session_uuid)
    assert session is not None
    changes = {"session_expiry": 3600}
    harness.stores.sessions.replace(
        session, transitions.begin_update(session, changes, harness.now())
    )
    harness.carrier.update(str(session.carrier_session_uuid), changes)
    harness.publish()
    harness.check_queue.messages.clear()
