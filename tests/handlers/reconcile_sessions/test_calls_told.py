"""The end of a call is told once, whatever becomes of its callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from masking.core.times import parse_callback_time, stamp
from masking.domain.sessions import Session
from tests.handlers.reconcile_sessions.test_settlement import timeline_calls
from tests.support.event_schemas import check_event
from tests.support.harness import Harness

LAST = ("SessionPartiesHangup", "SessionFirstPartyHangup", "SessionSecondPartyHangup")


def told(harness: Harness, *kinds: str) -> list[dict[str, Any]]:
    """Return what the bus had of calls, each id once."""
    wanted = kinds or ("call.ended", "call.corrected")
    for each in harness.bus.events:
        check_event(each)
    found = [each for each in harness.bus.events if each["type"] in wanted]
    return list({each["id"]: each for each in found}.values())


def deliver(
    harness: Harness, session: Session, *, without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Deliver a session's callbacks but for some; return all that there were."""
    at_plivo = str(session.carrier_session_uuid)
    all_of_them = [
        dict(each.attributes)
        for each in harness.simulator.store.callbacks_of.get(at_plivo, ())
    ]
    for attributes in all_of_them:
        if attributes["EventName"] not in without:
            harness.put_callback(session, attributes)
            harness.publish()
    return all_of_them


def settle(harness: Harness) -> None:
    """End what is over, and settle it."""
    harness.advance(minutes=11)
    harness.sweep()
    harness.publish()
    harness.run_quarters(3)


def spoken(harness: Harness) -> Session:
    """Create a session in which a call has been talked and has ended."""
    session = harness.create()
    harness.call(session, talk_seconds=60, answer=True)
    harness.advance(minutes=2)
    return session


@pytest.mark.parametrize("without", [(), LAST[:1], LAST, "all"])
def test_each_call_has_one_end_that_equals_plivos(
    harness: Harness, without: Sequence[str]
) -> None:
    session = spoken(harness)
    if without != "all":
        deliver(harness, session, without=without)

    settle(harness)

    [call] = timeline_calls(harness, session.session_uuid)
    [ended] = told(harness, "call.ended")
    last = told(harness)[-1]
    assert (call.outcome, call.certainty, call.talk_seconds) == (
        "connected",
        "settled",
        60,
    )
    assert call.ended_at is not None
    assert ended["call"]["outcome"] == "connected"
    assert last["call"]["amount"] == harness.load(session).settings["total_call_amount"]
    assert last["call"]["currency"] == "USD"


@pytest.mark.parametrize(
    "altered",
    [
        {"SequenceNumber": "70"},
        {"Amount": "0.9"},
        {"EventTimestamp": "two seconds later"},
        {"VirtualNumber": ""},
    ],
    ids=repr,
)
def test_an_end_that_comes_again_is_told_once(
    harness: Harness, altered: dict[str, str]
) -> None:
    session = spoken(harness)
    callbacks = deliver(harness, session)
    [last] = [c for c in callbacks if c["EventName"] == "SessionPartiesHangup"]

    again = {**last, **altered}
    if "EventTimestamp" in altered:
        at = parse_callback_time(last["EventTimestamp"])
        assert at is not None
        again["EventTimestamp"] = stamp(at + timedelta(seconds=2))
    harness.put_callback(session, again)
    harness.publish()
    settle(harness)

    [ended] = told(harness, "call.ended")
    assert all(each["call_id"] == ended["call_id"] for each in told(harness))
    [call] = timeline_calls(harness, session.session_uuid)
    assert call.certainty == "settled"


def test_what_settlement_changes_is_told_as_a_correction(harness: Harness) -> None:
    session = spoken(harness)
    callbacks = deliver(harness, session, without=LAST)
    [last] = [c for c in callbacks if c["EventName"] == "SessionPartiesHangup"]
    harness.put_callback(session, {**last, "Amount": "0.9"})
    harness.publish()

    settle(harness)
    settle(harness)

    [ended], [corrected] = told(harness, "call.ended"), told(harness, "call.corrected")
    assert ended["call"]["amount"] == "0.9"
    assert corrected["call"]["certainty"] == "settled"
    assert (
        corrected["call"]["amount"] == "0.034" or corrected["call"]["amount"] != "0.9"
    )
    assert corrected["call_id"] == ended["call_id"]
    assert corrected["id"] != ended["id"]


def test_an_end_that_could_not_be_sent_is_sent_again_under_its_id(
    harness: Harness,
) -> None:
    session = spoken(harness)
    deliver(harness, session, without=LAST[:1])
    harness.deliver_callbacks(session, event="SessionPartiesHangup")
    records = harness.take_records()

    harness.publish_records(records)
    harness.publish_records(records)

    sent = harness.bus.of_type("call.ended")
    assert len(sent) == 2
    assert len({each["id"] for each in sent}) == 1
