"""The end of a call is told once, whatever becomes of its callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from masking.core import key_space
from masking.core.times import parse_callback_time, rfc3339, stamp
from masking.domain.sessions import Session
from masking.storage.table import written_item
from tests.handlers.reconcile_sessions.test_settlement import timeline_calls
from tests.support.event_schemas import check_event
from tests.support.harness import FAR, Harness

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


def invent(
    harness: Harness, session: Session, later: int, *names: str, **more: str
) -> None:
    """Deliver callbacks of a call that there never was, so many seconds later."""
    callbacks = harness.simulator.store.callbacks_of[str(session.carrier_session_uuid)]
    for each in list(callbacks):
        attributes = dict(each.attributes)
        if attributes["EventName"] in names:
            at = parse_callback_time(str(attributes["EventTimestamp"]))
            assert at is not None
            attributes["EventTimestamp"] = stamp(at + timedelta(seconds=later))
            attributes |= more
            harness.put_callback(session, attributes)
            harness.publish()


def test_an_end_of_which_plivo_has_no_record_is_corrected_to_no_call(
    harness: Harness,
) -> None:
    session = spoken(harness)
    deliver(harness, session)
    invent(harness, session, 300, "SessionFirstPartyAnswer", *LAST)
    assert len(told(harness, "call.ended")) == 2

    settle(harness)
    # Plivo is asked more often where it lacks a call that has ended.
    harness.run_quarters(6)

    [corrected] = [
        each
        for each in told(harness, "call.corrected")
        if each["call"]["outcome"] == "not_a_call"
    ]
    assert corrected["call_id"] == told(harness, "call.ended")[1]["call_id"]
    assert (corrected["call"]["amount"], corrected["call"]["ended_at"]) == ("0", None)
    assert len(timeline_calls(harness, session.session_uuid)) == 1


def test_ends_alone_are_told_by_the_settlement(harness: Harness) -> None:
    session = spoken(harness)
    starts = ("SessionFirstPartyAnswer", "SessionSecondPartyRing")
    deliver(harness, session, without=(*starts, "SessionSecondPartyAnswer"))
    assert told(harness) == []

    settle(harness)

    [ended] = told(harness)
    assert (ended["type"], ended["call"]["outcome"]) == ("call.ended", "connected")


@pytest.mark.parametrize("lost", [LAST, ()], ids=["by settlement", "by a callback"])
def test_a_stranger_who_was_refused_is_an_event_once(
    harness: Harness, lost: Sequence[str]
) -> None:
    session = harness.create(
        is_pin_authentication_required=True,
        first_party_pin="1234",
        second_party_pin="5678",
        pin_prompt_play="https://app.example.com/prompt.mp3",
        pin_retry=0,
    )
    harness.call(session, **{"from": "+12025550166", "digits": ["0000"]})
    harness.advance(minutes=1)
    deliver(harness, session, without=lost)

    settle(harness)

    [refused], [ended] = told(harness, "call.refused"), told(harness, "call.ended")
    assert refused["call_id"] == ended["call_id"]
    assert refused["call"]["caller"] == "unknown"
    assert ("callback" in refused) == (not lost)


def test_a_call_that_began_after_the_end_is_an_event_of_its_own(
    harness: Harness,
) -> None:
    session = spoken(harness)
    deliver(harness, session)
    ended = harness.end(session)
    harness.publish()
    assert told(harness, "call.after_end") == []

    since = ended.ended_time or ended.expiry_time
    assert since is not None
    invent(harness, session, 600, "SessionFirstPartyAnswer", "SessionPartiesHangup")

    [after] = told(harness, "call.after_end")
    assert after["call"]["started_at"] > str(rfc3339(since))
    assert after["call_id"] in {e["call_id"] for e in told(harness, "call.ended")}


def test_callbacks_that_come_after_the_settlement_change_no_settled_call(
    harness: Harness,
) -> None:
    session = spoken(harness)
    deliver(harness, session, without=LAST)
    settle(harness)
    before = told(harness)

    for name in LAST:
        harness.deliver_callbacks(session, event=name)
        harness.publish()

    assert told(harness) == before
    [call] = timeline_calls(harness, session.session_uuid)
    assert call.certainty == "settled"


ODD_ITEMS: list[dict[str, Any]] = [
    {"sk": "E#" + "0" * 64},
    {"sk": "E#" + "0" * 64, "attributes": "none", "received_at": "yesterday"},
    {"sk": "E#" + "0" * 64, "attributes": {"EventName": 7}, "received_at": 7},
    {"sk": "C#2026-03-01T12:00:00.000000Z#odd"},
    {"sk": "C#odd", "told": "none"},
]


@pytest.mark.parametrize("odd", ODD_ITEMS, ids=repr)
def test_an_item_that_cannot_be_read_spares_its_neighbors(
    harness: Harness, odd: dict[str, Any]
) -> None:
    session = spoken(harness)
    key = {"pk": key_space.session_key(session.session_uuid), "purge_at": FAR}
    harness.dynamodb.put_item(
        TableName=harness.table_name, Item=written_item({**key, **odd})
    )

    deliver(harness, session)
    settle(harness)

    assert len(told(harness, "call.ended")) == 1
    [call] = timeline_calls(harness, session.session_uuid)
    assert (call.outcome, call.certainty) == ("connected", "settled")

    erasure = harness.request_erasure(str(session.settings["first_party"]))
    harness.run_until_idle()
    assert harness.load_erasure(erasure).completed_at is not None


def test_calls_that_touch_have_an_end_each_and_no_correction(harness: Harness) -> None:
    session = harness.create()
    for answer in (True, False, True):
        harness.call(session, talk_seconds=1, ring_seconds=1, answer=answer)
        harness.advance(seconds=3)
    deliver(harness, session)

    settle(harness)

    calls = timeline_calls(harness, session.session_uuid)
    ended = told(harness, "call.ended")
    assert len(calls) == len(ended) == len({each["call_id"] for each in ended})
    assert told(harness, "call.corrected") == []
