"""What Plivo knows of a session comes home after its end."""

from __future__ import annotations

from tests.ending.world import World


def test_two_fetches_that_agree_make_the_totals_final(world: World) -> None:
    session = world.create()
    world.call(session, talk_seconds=60, answer=True)
    world.advance(minutes=11)

    world.sweep()
    world.quarters(3)

    settled = world.load(session)
    assert settled.settled is not None
    assert settled.settings["total_call_count"] == 2
    (call,) = settled.calls
    assert call["first_party_leg"]["hangup_cause_code"] == 4000
    assert call["second_party_leg"]["duration"] == 60
    assert settled.settle_at is None


def test_a_settlement_costs_four_writes_at_most_and_an_end_three(
    world: World,
) -> None:
    session = world.create()
    world.call(session, talk_seconds=60, answer=True)
    world.advance(minutes=11)

    before = world.meter.written
    world.sweep()
    end = world.meter.written - before
    session = world.load(session)
    writes = []
    for _ in range(3):
        world.advance(minutes=15)
        before = world.meter.written
        world.reconciler().work_off(session.session_uuid)
        writes.append(world.meter.written - before)

    print(f"write units: end {end}, settlement {writes}")
    assert end <= 3
    assert sum(writes) <= 4
    assert world.load(session).settled
