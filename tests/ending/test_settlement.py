"""What Plivo knows of a session comes home after its end."""

from __future__ import annotations

from masking.domain.calls import Call
from masking.storage import timelines
from tests.ending.world import World


def folded(world: World, uuid: str) -> list[Call]:
    """Give the calls as the API shows them, and as events carry them."""
    whole = world.stores.sessions.load_whole(uuid)
    assert whole is not None
    return list(timelines.timeline_of(whole.callbacks, whole.session).calls)


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


def test_the_calls_that_callbacks_told_of_are_settled_with_plivos_amounts(
    world: World,
) -> None:
    session = world.create()
    for talk_seconds in (60, 130):
        world.call(session, talk_seconds=talk_seconds, answer=True)
        world.advance(minutes=4)
    world.advance(minutes=3)
    world.tell(session)
    told = folded(world, session.session_uuid)

    world.sweep()
    world.quarters(3)

    settled = world.load(session)
    calls = folded(world, session.session_uuid)
    assert "settled" not in [call.certainty for call in told]
    assert [call.certainty for call in calls] == ["settled", "settled"]
    assert [str(call.amount) for call in calls] == [
        call["total_call_amount"] for call in settled.calls
    ]
    assert [call.talk_seconds for call in calls] == [60, 130]


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


def test_nothing_is_final_while_a_call_is_open(world: World) -> None:
    session = world.create(call_time_limit=7200)
    world.advance(minutes=9)
    world.call(session, talk_seconds=7000, answer=True)
    world.advance(minutes=2)

    world.sweep()
    world.quarters(4)
    open_still = world.load(session)
    world.quarters(6)

    assert open_still.settled is None
    settled = world.load(session)
    assert settled.settled is not None
    assert settled.calls[0]["second_party_leg"]["duration"] > 6000


def test_totals_that_lag_are_fetched_until_they_stand_still(world: World) -> None:
    session = world.create()
    world.call(session, talk_seconds=60, answer=True)
    world.advance(minutes=11)
    world.control("PUT", "faults", {"get_stale_totals": {"seconds": 1800}})

    world.sweep()
    world.quarters(5)

    assert world.load(session).settings["total_call_count"] == 2


def test_totals_that_lack_a_call_that_was_told_of_are_not_final(
    world: World,
) -> None:
    session = world.create()
    world.call(session, talk_seconds=60, answer=True)
    world.advance(minutes=11)
    world.tell(session)
    world.control("PUT", "faults", {"get_stale_totals": {"seconds": 3600}})

    world.sweep()
    world.quarters(6)

    assert world.load(session).settings["total_call_count"] == 2


def test_six_fetches_that_never_agree_are_enough(world: World) -> None:
    session = world.create()
    world.advance(minutes=11)
    world.sweep()
    at_plivo = world.simulator.store.sessions[str(session.carrier_session_uuid)]

    fetches = []
    for _ in range(8):
        at_plivo.duration += 1
        world.quarters(1)
        snapshot = world.stores.sessions.snapshot(session.session_uuid)
        fetches.append(snapshot["fetches"] if snapshot else 0)

    assert max(fetches) == 6
    assert world.load(session).settled is not None


def test_a_settlement_is_announced_with_what_it_corrected(world: World) -> None:
    session = world.create()
    world.call(session, talk_seconds=60, answer=True)
    world.advance(minutes=11)

    world.sweep()
    world.quarters(3)

    (event,) = world.bus.of("session.settled")
    assert event["session_uuid"] == session.session_uuid
    assert "interaction" in event["changed"]
    assert "total_call_amount" in event["changed"]
    assert event["total_call_count"] == 2
    assert "1202555" not in str(event).replace(str(event["virtual_number"]), "")


def test_a_late_callback_opens_a_settled_session_once(world: World) -> None:
    session = world.create()
    world.advance(minutes=11)
    world.sweep()
    world.quarters(3)
    assert world.load(session).settled

    late = {"EventName": "SessionSecondPartyHangup", "SequenceNumber": "1"}
    world.hand_over(session, late)
    world.publish()
    reopened = world.load(session)
    world.quarters(3)
    again = world.load(session)
    world.hand_over(session, {**late, "SequenceNumber": "2"})
    world.publish()

    assert reopened.settle_at is not None
    assert again.settle_at is None
    assert again.settled
    assert again.settled.times == 2
    assert world.load(session).settle_at is None
    assert len(world.bus.of("session.settled")) == 2


def test_a_session_that_plivo_has_forgotten_is_closed(world: World) -> None:
    session = world.create()
    world.advance(minutes=11)
    world.sweep()
    del world.simulator.store.sessions[str(session.carrier_session_uuid)]

    world.quarters(1)

    closed = world.load(session)
    assert closed.settled
    assert closed.settled.changed == ("carrier_session",)


def test_a_session_that_plivo_would_still_connect_is_ended_there(world: World) -> None:
    session = world.create()
    world.carrier.update(str(session.carrier_session_uuid), {"session_expiry": 86400})
    world.advance(minutes=11)

    world.sweep()
    world.quarters(4)

    assert not world.alive(session)
    assert world.load(session).settled
