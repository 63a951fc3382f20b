"""Functions die anywhere; the next run completes the work, and nothing happens twice.

A function is killed before and after each of its requests in turn, to the table and to
Plivo. What a test asserts in the end is the same for every place.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest

from masking.domain import due_work, sessions, transitions
from masking.domain.sessions import Session, Status
from masking.plivo.errors import CarrierError
from tests.ending.scale import size
from tests.ending.world import NOWHERE, TENANT, KilledError, World

# What it repeats is covered elsewhere, and takes half the time unmeasured.
pytestmark = pytest.mark.no_cover


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_sweep_is_completed_by_the_next(world: World, *, after: bool) -> None:
    number = 0
    for place in range(1, 60, size(3, 1)):
        made = [world.create(number + n, session_expiry=60) for n in range(4)]
        number += 4
        world.advance(seconds=61)

        killed = _die_at(world, place, world.sweep, after=after)
        world.publish()
        world.sweep()
        world.publish()

        for session in made:
            assert world.load(session).status is Status.EXPIRED
        if not killed:
            break
    assert not killed
    _each_event_once(world, "session.expired", number)
    print(f"sweep killed at {number // 4 - 1} places, {number} sessions ended once")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_round_is_completed_by_the_next(world: World, *, after: bool) -> None:
    number = 0
    for place in range(2 if after else 1, 90, size(4, 1)):
        scene = _scene(world, number)
        number += 10
        world.advance(minutes=16)
        world.sweep()
        world.publish()

        killed = _die_at(world, place, world.reconcile, after=after)
        world.checks.messages.clear()
        world.quarters(4)

        _is_over(world, scene)
        if not killed:
            break
    assert not killed
    scenes = number // 10
    _each_event_once(world, "session.expired", 4 * scenes)
    _each_event_once(world, "session.settled", 4 * scenes)
    _each_event_once(world, "session.created", 4 * scenes)
    print(f"round killed at {scenes - 1} places, {scenes} scenes of 4 duties completed")


def _die_at(world: World, place: int, run: object, *, after: bool) -> bool:
    world.death.plan(place, after=after)
    died = True
    with suppress(KilledError):
        run()  # type: ignore[operator]
        died = False
    world.death.plan(None)
    return died


def _scene(world: World, number: int) -> list[Session]:
    """Leave one session of each kind of duty behind: four that will end."""
    lost = _created_without_answer(world, number)
    updated = world.create(number + 1, session_expiry=600)
    changes = {"session_expiry": 700}
    begun = transitions.begin_update(updated, changes, world.now())
    world.stores.sessions.replace(updated, begun)
    world.carrier.update(str(updated.carrier_session_uuid), changes)
    world.stores.sessions.replace(begun, transitions.doubt(begun))
    ending = world.create(number + 2, session_expiry=86_000)
    begun = transitions.begin_ending(ending, world.now())
    world.stores.sessions.replace(ending, begun)
    world.stores.sessions.replace(begun, transitions.doubt(begun))
    talked = world.create(number + 3, session_expiry=600)
    world.call(talked, talk_seconds=30, answer=True)
    return [lost, updated, ending, talked]


def _created_without_answer(world: World, number: int) -> Session:
    from masking.api import requests

    faults = {"create_5xx_after_commit": {"times": 1}, "list_5xx": {"times": 2}}
    world.control("PUT", "faults", faults)
    with suppress(CarrierError):
        world.services.create_session.create(
            requests.parse_create(
                {
                    "first_party": f"+1202555{number:04d}",
                    "second_party": f"+1202557{number:04d}",
                    "session_expiry": 600,
                }
            ),
            tenant_id=TENANT,
            idempotency_key=f"key {number}",
            domain=NOWHERE.removeprefix("https://"),
        )
    uuid = sessions.session_uuid_for(TENANT, f"key {number}")
    found = world.stores.sessions.load(uuid)
    assert found is not None
    assert found.status is Status.RESERVED
    return found


def _is_over(world: World, scene: list[Session]) -> None:
    for before in scene:
        session = world.load(before)
        assert session.status is Status.EXPIRED
        assert session.settled is not None
        assert due_work.due_work_of(session) is None
        assert not world.alive(session)
    assert world.load(scene[3]).settings["total_call_count"] == 2


def _each_event_once(world: World, kind: str, count: int) -> None:
    told = Counter(event["session_uuid"] for event in world.bus.of(kind))
    ids = {event["id"] for event in world.bus.of(kind)}
    assert (len(told), len(ids)) == (count, count)
