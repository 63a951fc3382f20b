"""Sessions end on time: by the sweep, by Plivo's word, by an app, once each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from masking.api import session_views
from masking.core.errors import MasklineError
from masking.domain.sessions import Status
from tests.ending.world import World


def test_a_session_reads_as_expired_from_the_second_it_expires(world: World) -> None:
    session = world.create(session_expiry=60)

    world.advance(seconds=59)
    before = session_views.session_view(world.load(session), world.now())["status"]
    world.advance(seconds=1)
    after = session_views.session_view(world.load(session), world.now())["status"]

    assert (before, after) == ("active", "expired")


def test_two_sweeps_at_once_end_each_session_once(world: World) -> None:
    made = [world.create(number, session_expiry=60) for number in range(40)]
    world.advance(seconds=61)

    with ThreadPoolExecutor(2) as pool:
        ended = sum(pool.map(lambda _: world.sweep(), range(2)))
    world.publish()

    assert ended == len(made)
    told = [event["session_uuid"] for event in world.bus.of("session.expired")]
    assert sorted(told) == sorted(each.session_uuid for each in made)


def test_a_sweep_out_of_time_leaves_the_rest_to_the_next(world: World) -> None:
    for number in range(8):
        world.create(number, session_expiry=60)
    world.advance(seconds=61)

    world.time_left = False
    nothing = world.sweep()
    world.time_left = True
    rest = world.sweep()

    assert (nothing, rest) == (0, 8)


def test_an_extension_that_set_out_first_wins_over_the_sweep(world: World) -> None:
    session = world.create(session_expiry=60)
    slow = world.new_carrier(before=lambda: world.advance(seconds=5))
    world.advance(seconds=58)
    world.carrier = world.new_carrier(before=lambda: _sweep_late(world))

    extended = world.update(session, session_expiry=600)

    assert slow is not None
    assert extended.status is Status.ACTIVE
    assert world.load(session).status is Status.ACTIVE
    assert world.alive(session)


def _sweep_late(world: World) -> None:
    """Sweep while the update is on its way, past the old expiry by our clock alone."""
    from masking.lifecycle.expire_sessions import ExpireSessions

    late = world.now() + timedelta(seconds=10)
    assert ExpireSessions(world.stores, lambda: late, lambda: True).run() == 0


def test_an_extension_that_comes_after_the_sweep_is_refused(world: World) -> None:
    session = world.create(session_expiry=60)
    world.advance(seconds=61)
    world.sweep()

    with pytest.raises(MasklineError) as refused:
        world.update(session, session_expiry=600)

    assert refused.value.code == "session_expired"  # type: ignore[attr-defined]
    assert world.load(session).status is Status.EXPIRED


@pytest.mark.parametrize("order", ["plivo first", "sweep first", "delete first"])
def test_sweep_delete_and_plivos_word_make_one_event(world: World, order: str) -> None:
    session = world.create(session_expiry=60)
    if order == "delete first":
        world.end(session)
    world.advance(seconds=61)
    if order == "sweep first":
        world.sweep()
    told = world.tell(session, event="SessionTimeout")
    world.publish()
    world.sweep()
    world.end(session)
    world.publish()

    assert told <= 1
    assert world.load(session).status is Status.EXPIRED
    (event,) = world.bus.of("session.expired")
    assert event["session_uuid"] == session.session_uuid


def test_plivos_word_alone_ends_a_session(world: World) -> None:
    session = world.create(session_expiry=60)
    world.advance(seconds=61)

    assert world.tell(session, event="SessionTimeout") == 1
    world.publish()

    assert world.load(session).status is Status.EXPIRED


def test_a_timeout_of_another_attempt_ends_nothing(world: World) -> None:
    session = world.create(session_expiry=600)
    orphan = "7f4df7f5-2b71-4a2a-9a0c-000000000001"

    world.hand_over(session, {"EventName": "SessionTimeout", "SessionUUID": orphan})
    world.publish()

    assert world.load(session).status is Status.ACTIVE


def test_a_killed_extension_that_plivo_made_is_ended_there_after_the_flip(
    world: World,
) -> None:
    session = world.create(session_expiry=60)
    world.advance(seconds=30)
    _extend_and_die(world, session.session_uuid)
    world.advance(seconds=90)

    ended = world.sweep()
    world.publish()
    outcomes = world.check()
    world.publish()

    assert ended == 1
    assert outcomes == ["ended"]
    assert not world.alive(session)
    assert len(world.bus.of("session.expired")) == 1
    (repair,) = world.bus.of("reconciliation.repaired")
    assert repair["repair"] == "ended_late"


def _extend_and_die(world: World, session_uuid: str) -> None:
    """Do what an update does until its function is killed behind Plivo's answer."""
    from masking.domain import transitions

    session = world.stores.sessions.load(session_uuid)
    assert session is not None
    changes = {"session_expiry": 3600}
    world.stores.sessions.replace(
        session, transitions.begin_update(session, changes, world.now())
    )
    world.carrier.update(str(session.carrier_session_uuid), changes)
    world.publish()
    world.checks.messages.clear()
