"""A callback costs the same to publish after two calls and after hundreds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.check_sessions import app as check_sessions
from functions.get_session import app as get_session
from masking.api import callback_requests
from masking.domain.sessions import Session
from masking.storage import callback_windows
from masking.storage.stores import Stores
from masking.stream.count_calls import CHOSEN
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.long_sessions import LongSession, MeteredDynamoDb
from tests.support.publishing import Publish, active, keep
from tests.support.raw_callbacks import api_event
from tests.support.table_stream import TableStream

BEGAN = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CARRIER = "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"
LEGS = {"From": "+12025550100", "To": "+12025550101"}

# Read units of a callback at most: its session's 64 items, and a window.
MOST_READ = 40

# Calls enough that not all of their callbacks are read for one of them.
COUNT = 15

Fields = dict[str, str]


def told(name: str, at: datetime, number: int, **more: str) -> Fields:
    """Return a callback's attributes."""
    time = at.strftime("%Y-%m-%d %H:%M:%S")
    known = {"EventName": name, "EventTimestamp": time, "SequenceNumber": str(number)}
    return {**known, **LEGS, "SessionUUID": CARRIER, **more}


def call_at(began: datetime, number: int, talk: int = 20) -> list[Fields]:
    """Return the callbacks of a call that is answered and talked in for *talk* s."""
    answered = began + timedelta(seconds=4)
    ended = answered + timedelta(seconds=talk)
    over = {"PlivoHangupCauseCode": "4000", "Duration": str(talk)}
    whole = {"Duration": str(talk + 4)}
    return [
        told("SessionFirstPartyAnswer", began, number),
        told("SessionSecondPartyRing", began + timedelta(seconds=1), number + 1),
        told("SessionSecondPartyAnswer", answered, number + 2),
        told("SessionFirstPartyHangup", ended, number + 3, **over | whole),
        told("SessionSecondPartyHangup", ended, number + 4, **over),
        told("SessionPartiesHangup", ended, number + 5, **over, Amount="0.02"),
    ]


def calls(count: int, since: datetime = BEGAN, number: int = 1) -> list[Fields]:
    """Return the callbacks of calls, one each minute, with numbers from *number* on."""
    return [
        fields
        for place in range(count)
        for fields in call_at(since + timedelta(minutes=place), 6 * place + number)
    ]


def keep_all(
    stores: Stores, session: Session, clock: Clock, callbacks: Iterable[Fields]
) -> None:
    for fields in callbacks:
        keep(stores, session, clock, fields, "events")


def untimed(callbacks: Iterable[Fields]) -> list[Fields]:
    """Return callbacks whose times can't be read."""
    return [{**each, "EventTimestamp": "soon"} for each in callbacks]


def ends_in(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is told of calls' ends, oldest first."""
    found = (each["detail"] for each in events)
    ended = [each for each in found if each["type"] == "call.ended"]
    return sorted(ended, key=lambda each: str(each["call"]["started_at"]))


@pytest.mark.parametrize("spoilt", [list, untimed], ids=["timed", "untimed"])
def test_a_callback_reads_no_more_than_its_neighbors(clock: Clock, spoilt: Any) -> None:
    table = MeteredDynamoDb()
    long = LongSession(table)
    stores = long.stores
    session = active(stores, clock)
    long.publish()
    units = {}
    for hour, before in enumerate((0, 14, 40)):
        since = BEGAN + timedelta(hours=2 * hour)
        keep_all(stores, session, clock, spoilt(calls(before, since, 600 * hour + 1)))
        long.publish()
        [last] = spoilt(call_at(since + HOUR, 600 * hour + 500)[:1])
        keep(stores, session, clock, last, "events")
        so_far = replace(table.units)
        long.publish()
        units[before] = (
            table.units.write - so_far.write,
            table.units.read - so_far.read,
        )

    few, more, most = units.values()
    assert few[0] == more[0] == most[0]
    assert 0 < few[1] < more[1]
    # Nearly three times as many callbacks; told calls are among the items read first.
    assert most[1] <= min(1.5 * more[1], MOST_READ)


def test_each_call_of_a_long_session_is_told_once_and_right(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    events: list[dict[str, Any]] = []
    for fields in calls(COUNT):
        keep(stores, session, clock, fields, "events")
        events += publish_new(0)

    ended = ends_in(events)

    begun = [BEGAN + timedelta(minutes=place) for place in range(COUNT)]
    assert [each["call"]["started_at"] for each in ended] == [
        at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in begun
    ]
    assert {each["call"]["outcome"] for each in ended} == {"connected"}
    assert {each["call"]["talk_seconds"] for each in ended} == {20}
    assert len({each["call_id"] for each in ended}) == COUNT
    assert not [e for e in events if e["detail"]["type"] == "call.corrected"]


def test_where_callbacks_are_left_out_nothing_is_certain_and_no_call_is_numbered(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    few, many = calls(2), calls(14)[12:]
    keep_all(stores, session, clock, few)
    short = ends_in(publish_new(0))
    keep_all(stores, session, clock, many)

    long = ends_in(publish_new(0))

    assert {each["call"]["certainty"] for each in short} == {"certain"}
    assert [each["call"]["ordinal"] for each in short] == [1, 2]
    assert {each["call"]["certainty"] for each in long} == {"inferred"}
    assert {each["call"]["ordinal"] for each in long} == {None}


def test_a_late_callback_finds_its_call_among_many(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    in_time = calls(COUNT)
    late = [in_time.pop(35), in_time.pop(20)]
    keep_all(stores, session, clock, in_time)
    before = ends_in(publish_new(0))

    keep_all(stores, session, clock, late)

    [end] = ends_in(publish_new(0))
    keep_all(stores, session, clock, [{**late[0], "Amount": "0.03"}])
    again = publish_new(0)
    assert len(before) == COUNT - 1
    assert end["call"]["started_at"] == "2026-11-26T13:05:00Z"
    assert end["call"]["talk_seconds"] == 20
    assert end["call_id"] not in {each["call_id"] for each in before}
    assert ends_in(again) == []


def test_a_long_call_that_others_tried_to_reach_is_told_by_its_beginning(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    talked = 3 * 3_600
    long = call_at(BEGAN, 1, talk=talked)
    # A stranger calls again and again, and is turned away.
    tries = [
        {
            **told(
                name,
                BEGAN + timedelta(minutes=1 + turn, seconds=second),
                10 + 3 * turn,
                **more,
            ),
            "From": "+12025550177",
            "To": "",
        }
        for turn in range(24)
        for name, second, more in (
            ("SessionFirstPartyAnswer", 0, {}),
            (
                "SessionFirstPartyHangup",
                9,
                {"PlivoHangupCauseCode": "4000", "Duration": "9"},
            ),
            ("SessionPartiesHangup", 9, {"PlivoHangupCauseCode": "4000"}),
        )
    ]
    events: list[dict[str, Any]] = []
    for part in (long[:3], tries, long[3:]):
        keep_all(stores, session, clock, part)
        events += publish_new(0)

    ours = [e for e in ends_in(events) if e["call"]["caller"] == "first"]
    assert [each["call"]["talk_seconds"] for each in ours] == [talked]
    assert ours[0]["call"]["outcome"] == "connected"
    assert len(ends_in(events)) == 25
    assert not [e for e in events if e["detail"]["type"] == "call.corrected"]


def test_a_long_session_is_counted_from_the_stream_and_shown_in_pages(
    stores: Stores, clock: Clock, publish_new: Publish, stream: TableStream
) -> None:
    session = active(stores, clock)
    publish_new()
    now = clock()
    for fields in calls(48, now - 3 * HOUR):
        clock.at = datetime.fromisoformat(fields["EventTimestamp"]).replace(tzinfo=UTC)
        keep(stores, session, clock, fields, "events")
    stream.new()
    clock.at = now
    for fields in _chosen(now):
        keep(stores, session, clock, fields, "events")
    publish_new(0)

    pages: list[list[Any]] = []
    query = ""
    while not pages or query:
        shown = _shown(session, query)
        pages.append(shown["calls"])
        assert shown["calls_before"] == shown["calls"][0]["ordinal"] - 1
        query = f"cursor={shown['calls_cursor']}" if shown["calls_cursor"] else ""

    assert len(pages) > 1
    ordinals = [each["ordinal"] for page in reversed(pages) for each in page]
    assert ordinals == list(range(1, 49))
    assert {each["talk_seconds"] for page in pages for each in page} == {20}
    assert {each["certainty"] for page in pages for each in page} == {"certain"}


@pytest.mark.parametrize("cursor", ["x", "WzFd", "W10", ""])
def test_a_page_of_calls_that_cannot_be_is_refused(
    stores: Stores, clock: Clock, cursor: str
) -> None:
    session = active(stores, clock)

    answer = get_session.lambda_handler(_get(session, f"cursor={cursor}"), None)

    assert answer["statusCode"] == 400


def _chosen(at: datetime) -> Iterator[Fields]:
    """Yield a callback of the session's own for which calls are counted."""
    for number in itertools.count():
        fields = {**told("SessionTimeout", at, 289), "Reason": str(number)}
        if callback_requests.digest_of(list(fields.items())).startswith(CHOSEN):
            yield fields
            return


def _shown(session: Session, query: str) -> Any:
    answer = get_session.lambda_handler(_get(session, query), None)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])["session"]


def _get(session: Session, query: str) -> dict[str, Any]:
    path = f"/v1/sessions/{session.session_uuid}"
    event = api_event(path, method="GET", query=query)
    event["pathParameters"] = {"session_uuid": session.session_uuid}
    context = {"tenant_id": session.tenant_id, "scopes": "sessions:read"}
    event["requestContext"]["authorizer"] = {"lambda": context}
    return event


def test_the_end_of_a_call_without_an_event_for_it_is_told_in_a_long_session(
    stores: Stores, clock: Clock, publish_new: Publish, deployment: Deployment
) -> None:
    session = active(stores, clock)
    publish_new()
    without = [e for e in calls(COUNT) if e["EventName"] != "SessionPartiesHangup"]
    for place, fields in enumerate(without, start=1):
        fields["SequenceNumber"] = str(place)
    keep_all(stores, session, clock, without)
    publish_new(0)

    for check in deployment.taken(deployment.environment["CHECK_QUEUE_URL"]):
        event = {"Records": [{"messageId": "1", "body": json.dumps(check)}]}
        check_sessions.lambda_handler(event, None)

    ended = ends_in(deployment.bus.events(0))
    assert len(ended) == COUNT
    assert {each["call"]["talk_seconds"] for each in ended} == {20}


def test_which_number_was_replaced_is_not_known_where_it_was_left_out(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    keep_all(stores, session, clock, calls(COUNT))
    publish_new(0)
    at = BEGAN + timedelta(hours=2)
    new = ("+12025550181", "+12025550182")
    for place, number in enumerate(new):
        name = "SessionVirtualNumberReplaced"
        fields = told(name, at + timedelta(minutes=place), 200 + place)
        keep(stores, session, clock, {**fields, "VirtualNumber": number}, "events")

    events = [e["detail"] for e in publish_new(0)]

    replaced = [e for e in events if e["type"] == "number.replaced"]
    assert [(e["old_virtual_number"], e["virtual_number"]) for e in replaced] == [
        (None, new[0]),
        (new[0], new[1]),
    ]


def test_a_session_that_is_settled_is_read_whole(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    keep_all(stores, session, clock, calls(COUNT))
    [first, *_] = stores.callbacks.of_session(session.session_uuid)

    live = stores.callback_windows.around(first)

    most = sum(
        (
            callback_windows.BEFORE,
            callback_windows.AFTER,
            callback_windows.AT_START,
            callback_windows.WITHOUT_TIME,
        )
    )
    assert live
    assert live.is_cut
    assert first in live.callbacks
    assert len(live.callbacks) <= most + 1
