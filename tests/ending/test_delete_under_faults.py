"""Whatever breaks while a session is being ended: we never say expired of one alive."""

from __future__ import annotations

from contextlib import suppress

import pytest

from masking.core.errors import MasklineError
from masking.domain.sessions import Status
from masking.plivo.errors import CarrierError
from plivo_simulator.fault_catalogue import FAULTS as CATALOGUE
from tests.ending.world import World

# What it repeats is covered elsewhere, and takes half the time unmeasured.
pytestmark = pytest.mark.no_cover

FAULTS = [fault.name for fault in CATALOGUE.values() if fault.point == "delete"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_ending_ends_and_nothing_expired_is_alive(world: World, fault: str) -> None:
    session = world.create(session_expiry=86_000)
    world.carrier = world.new_carrier(timeout=(0.5, 0.5))
    settings: dict[str, object] = {"times": 3}
    if "timeout" in fault or "slow" in fault:
        settings["seconds"] = 0.8
    world.control("PUT", "faults", {fault: settings})

    with suppress(CarrierError):
        world.end(session)
    _is_never_said_of_one_alive(world, session.session_uuid)
    for _ in range(4):
        world.advance(seconds=75)
        world.publish()
        world.check()
        _is_never_said_of_one_alive(world, session.session_uuid)
    world.quarters(2)

    assert world.load(session).status is Status.EXPIRED
    assert not world.alive(session)
    world.publish()
    assert len(world.bus.of("session.expired")) == 1


def test_a_delete_that_dies_anywhere_ends(world: World) -> None:
    from masking.domain import transitions

    for step in ("marked", "ended at Plivo"):
        session = world.create(len(step), session_expiry=86_000)
        ending = transitions.begin_ending(session, world.now())
        world.stores.sessions.replace(session, ending)
        if step == "ended at Plivo":
            world.carrier.expire(str(session.carrier_session_uuid))
        world.publish()
        world.advance(seconds=75)
        world.check()

        assert world.load(session).status is Status.EXPIRED
        assert not world.alive(session)


def test_an_app_that_asks_again_meets_an_ending_or_its_end(world: World) -> None:
    session = world.create(session_expiry=86_000)
    world.control("PUT", "faults", {"delete_5xx_before_commit": {"times": 2}})

    with pytest.raises(MasklineError):
        world.end(session)
    world.advance(seconds=61)
    ended = world.end(session)

    assert ended.status is Status.EXPIRED
    assert not world.alive(session)


def _is_never_said_of_one_alive(world: World, session_uuid: str) -> None:
    session = world.stores.sessions.load(session_uuid)
    assert session is not None
    assert not (session.status is Status.EXPIRED and world.alive(session))
