"""An erasure may be stopped at any request, or be done twice at once.

What is asserted in the end is the same for every place. `make test` tries some of them,
`make endings` tries all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from masking.domain import transitions
from masking.domain.sessions import Session
from plivo_simulator.server import Running
from tests.ending.scale import size
from tests.erasing.test_forgetting import ASKED, EVERYWHERE
from tests.erasing.world import (
    MARKS,
    OTHER,
    PERSON,
    STRANGER,
    ErasingWorld,
    die,
    hashes_of,
    traces,
)
from tests.support.embedded_aws import EmbeddedAws

# What it repeats is covered elsewhere, and takes half the time unmeasured.
pytestmark = pytest.mark.no_cover

FOUND = {
    "sessions": 3,
    "events": 2,
    "recordings": 2,
    "held_recordings": 0,
    "labels": 4,
    "deliveries": 1,
}


def scene(aws: EmbeddedAws, plivo: Running) -> tuple[ErasingWorld, list[Session]]:
    """Leave a person in three sessions: as a party, as a caller, in a failed create."""
    world = ErasingWorld(aws, plivo)
    world.control("POST", "reset", {})
    live = world.create(first_party=PERSON, second_party=OTHER, **ASKED)
    world.stranger_calls(live, STRANGER)
    world.record(live, 1, "stored")
    world.record(live, 2, "announced")
    world.deliver(live, 1)
    called = world.create(first_party=OTHER, second_party=STRANGER, labels={"a": "b"})
    world.stranger_calls(called)
    failed = world.reserve()
    world.stores.sessions.replace(failed, transitions.fail(failed))
    return world, [live, called, failed]


def is_forgotten(world: ErasingWorld, made: list[Session]) -> None:
    """See that nothing is left of the person, and that the proof says so."""
    assert traces(world.everything(), EVERYWHERE) == []
    assert traces({"table": world.everything()["table"]}, set(MARKS)) == []
    assert world.versions() == []
    assert not any(hashes_of(PERSON) in each["pk"] for each in links(world))
    for session in map(world.load, made):
        assert session.erased_at
    [told] = {each["id"]: each for each in world.bus.of("erasure.completed")}.values()
    assert told["found"] == FOUND


def links(world: ErasingWorld) -> list[dict[str, Any]]:
    """List the links by number."""
    return [item for item in world.export() if item["pk"][:2] in ("P#", "C#", "U#")]


def at_every_request(
    aws: EmbeddedAws,
    plivo: Running,
    do: Callable[[ErasingWorld], Callable[[], None]],
    step: int,
) -> int:
    """Erase again and again, each time with *do* at a later request; count them."""
    for place in range(1, 400, step):
        world, made = scene(aws, plivo)
        world.publish()
        world.ask()
        world.moment.plan(place, do(world))

        world.run()

        is_forgotten(world, made)
        if world.moment.seen < place:
            return world.moment.seen
    raise AssertionError("the erasure does not come to an end")


def test_an_erasure_that_was_killed_at_any_request_is_completed(
    aws: EmbeddedAws, stopped_plivo: Running
) -> None:
    places = at_every_request(aws, stopped_plivo, lambda _: die, step=size(12, 1))

    assert places > 60
    print(f"killed at {places} places")


def test_an_erasure_that_is_done_twice_at_once_is_done_once(
    aws: EmbeddedAws, stopped_plivo: Running
) -> None:
    def do_it_meanwhile(world: ErasingWorld) -> Callable[[], None]:
        def work() -> None:
            for item in world.export():
                if item["sk"] == "ERASURE":
                    world.work({"erasure_id": item["pk"].removeprefix("ERASURE#")})

        return work

    places = at_every_request(aws, stopped_plivo, do_it_meanwhile, step=size(24, 1))

    assert places > 60
