"""A settlement stores what Plivo knows of a session after its end."""

from __future__ import annotations

from masking.domain.calls import Call
from masking.storage import timelines
from tests.support.harness import Harness


def timeline_calls(harness: Harness, uuid: str) -> list[Call]:
    """Return the calls as the API shows them, and as events carry them."""
    whole = harness.stores.sessions.load_whole(uuid)
    assert whole is not None
    return list(timelines.timeline_of(whole.callbacks, whole.session).calls)


def test_two_fetches_that_agree_make_the_totals_final(harness: Harness) -> None:
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=11)

    harness.sweep()
    harness.run_quarters(3)

    settled = harness.load(session)
    assert settled.settled is not None
    assert settled.settings["total_call_count"] == 2
    (call,) = settled.calls
    assert call["first_party_leg"]["hangup_cause_code"] == 4000
    assert call["second_party_leg"]["duration"] == 60
    assert settled.settle_at is None


def test_calls_known_from_callbacks_are_settled_with_plivos_amounts(
    harness: Harness,
) -> None:
    session = harness.create()
    for talk_seconds in (60, 130):
        harness.call(session, talk_seconds=talk_seconds, answer=True)
        harness.advance(minutes=4)
    harness.advance(minutes=3)
    harness.deliver_callbacks(session)
    before_end = timeline_calls(harness, session.session_uuid)

    harness.sweep()
    harness.run_quarters(3)

    settled = harness.load(session)
    calls = timeline_calls(harness, session.session_uuid)
    assert "settled" not in [call.certainty for call in before_end]
    assert [call.certainty for call in calls] == ["settled", "settled"]
    assert [str(call.amount) for call in calls] == [
        call["total_call_amount"] for call in settled.calls
    ]
    assert [call.talk_seconds for call in calls] == [60, 130]


def test_a_settlement_costs_four_writes_at_most_and_an_end_three(
    harness: Harness,
) -> None:
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=11)

    before = harness.units.write
    harness.sweep()
    end = harness.units.write - before
    session = harness.load(session)
    writes = []
    for _ in range(3):
        harness.advance(minutes=15)
        before = harness.units.write
        harness.services.reconciler.work_off(session.session_uuid)
        writes.append(harness.units.write - before)

    print(f"write units: end {end}, settlement {writes}")
    assert end <= 3
    assert sum(writes) <= 4
    assert harness.load(session).settled


def test_nothing_is_final_while_a_call_is_open(harness: Harness) -> None:
    session = harness.create(call_time_limit=7200)
    harness.advance(minutes=9)
    harness.call(session, talk_seconds=7000, answer=True)
    harness.advance(minutes=2)

    harness.sweep()
    harness.run_quarters(4)
    open_still = harness.load(session)
    harness.run_quarters(6)

    assert open_still.settled is None
    settled = harness.load(session)
    assert settled.settled is not None
    assert settled.calls[0]["second_party_leg"]["duration"] > 6000


def test_totals_that_lag_are_fetched_until_they_stand_still(harness: Harness) -> None:
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=11)
    harness.ask_simulator("PUT", "faults", {"get_stale_totals": {"seconds": 1800}})

    harness.sweep()
    harness.run_quarters(5)

    assert harness.load(session).settings["total_call_count"] == 2


def test_totals_that_lack_a_call_known_from_callbacks_are_not_final(
    harness: Harness,
) -> None:
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=11)
    harness.deliver_callbacks(session)
    harness.ask_simulator("PUT", "faults", {"get_stale_totals": {"seconds": 3600}})

    harness.sweep()
    harness.run_quarters(6)

    assert harness.load(session).settings["total_call_count"] == 2


def test_six_fetches_that_never_agree_are_enough(harness: Harness) -> None:
    session = harness.create()
    harness.advance(minutes=11)
    harness.sweep()
    at_plivo = harness.simulator.store.sessions[str(session.carrier_session_uuid)]

    fetches = []
    for _ in range(8):
        at_plivo.duration += 1
        harness.run_quarters(1)
        snapshot = harness.stores.snapshots.head(session.session_uuid)
        fetches.append(snapshot["fetches"] if snapshot else 0)

    assert max(fetches) == 6
    assert harness.load(session).settled is not None


def test_a_settlement_is_announced_with_what_it_corrected(harness: Harness) -> None:
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=11)

    harness.sweep()
    harness.run_quarters(3)

    (event,) = harness.bus.of_type("session.settled")
    assert event["session_uuid"] == session.session_uuid
    assert "interaction" in event["changed"]
    assert "total_call_amount" in event["changed"]
    assert event["total_call_count"] == 2
    assert "1202555" not in str(event).replace(str(event["virtual_number"]), "")


def test_a_late_callback_opens_a_settled_session_once(harness: Harness) -> None:
    session = harness.create()
    harness.advance(minutes=11)
    harness.sweep()
    harness.run_quarters(3)
    assert harness.load(session).settled

    late = {"EventName": "SessionSecondPartyHangup", "SequenceNumber": "1"}
    harness.put_callback(session, late)
    harness.publish()
    reopened = harness.load(session)
    harness.run_quarters(3)
    again = harness.load(session)
    harness.put_callback(session, {**late, "SequenceNumber": "2"})
    harness.publish()

    assert reopened.settle_at is not None
    assert again.settle_at is None
    assert again.settled
    assert again.settled.times == 2
    assert harness.load(session).settle_at is None
    assert len(harness.bus.of_type("session.settled")) == 2


def test_a_session_that_plivo_has_forgotten_is_closed(harness: Harness) -> None:
    session = harness.create()
    harness.advance(minutes=11)
    harness.sweep()
    del harness.simulator.store.sessions[str(session.carrier_session_uuid)]

    harness.run_quarters(1)

    closed = harness.load(session)
    assert closed.settled
    assert closed.settled.changed == ("carrier_session",)


def test_a_session_that_plivo_would_still_connect_is_ended_there(
    harness: Harness,
) -> None:
    session = harness.create()
    harness.carrier.update(str(session.carrier_session_uuid), {"session_expiry": 86400})
    harness.advance(minutes=11)

    harness.sweep()
    harness.run_quarters(4)

    assert not harness.is_live(session)
    assert harness.load(session).settled
