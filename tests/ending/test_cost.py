"""What ending costs: work follows what is due, whatever is alive."""

from __future__ import annotations

import pytest

from tests.ending.scale import size
from tests.ending.world import World, copies

# What it repeats is covered elsewhere, and takes half the time unmeasured.
pytestmark = pytest.mark.no_cover

LIVE = size(200, 2_000), size(2_000, 20_000)
DUTIES = 7


def test_sweeps_and_rounds_cost_alike_whatever_is_alive(world: World) -> None:
    pattern = world.create(session_expiry=86_000)
    written, number = 1, 1
    idle, rounds, requests = [], [], []
    for live in LIVE:
        world.write(copies(pattern, live - written))
        world.forget()
        written = live
        for _ in range(DUTIES):
            world.create(number, session_expiry=60)
            number += 1
        world.advance(minutes=7)
        assert world.sweep() == DUTIES
        before = world.meter.read
        assert world.sweep() == 0
        idle.append(world.meter.read - before)
        read, asked = world.meter.read, world.requests()
        world.reconcile()
        rounds.append(world.meter.read - read)
        requests.append(world.requests() - asked)
        world.quarters(2)

    print(
        f"at {LIVE[0]} and {LIVE[1]} live sessions: idle sweep {idle} read units; "
        f"a round with {DUTIES} duties {requests} requests to Plivo, {rounds} reads"
    )
    assert idle == [8.0, 8.0]
    assert requests == [DUTIES, DUTIES]
    assert rounds[0] == rounds[1]


def test_ending_by_the_sweep_costs_three_writes_for_each(world: World) -> None:
    made = [world.create(number, session_expiry=60) for number in range(12)]
    world.advance(seconds=61)
    before = world.meter.written, world.meter.read

    world.sweep()

    written, read = world.meter.written - before[0], world.meter.read - before[1]
    print(f"{len(made)} ends: {written} write units, {read} read units")
    assert written == 3 * len(made)
    assert read <= 8 + len(made)
