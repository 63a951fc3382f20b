"""The table's stream becomes links and events, each once however often it is seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from functions.publish_changes import app
from masking.api import callback_requests
from masking.core import key_space, numbers
from masking.core.errors import EventsNotTakenError
from masking.domain import recording_transitions, session_changes, sessions, transitions
from masking.domain.bus_events import Event
from masking.domain.callback_event import CallbackEvent
from masking.domain.sessions import CarrierSession, Session
from masking.recording.announce import Announcer
from masking.storage import session_items
from masking.storage.bus import Bus
from masking.storage.stores import Stores
from masking.storage.table import written_item
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_queue
from tests.support.payloads import PAIR
from tests.support.sessions_there import planted, reserved, stored
from tests.support.signed_callbacks import ANSWERED
from tests.support.table_stream import TableStream

PERSONAL = ("2025550100", "2025550101", "2025550177", "0042")


@pytest.fixture
def stream(aws: EmbeddedAws, deployment: Deployment) -> TableStream:
    """Return the table's stream."""
    return TableStream(aws, deployment)


@pytest.fixture
def publish_new(
    stream: TableStream, deployment: Deployment
) -> Callable[..., list[dict[str, Any]]]:
    """Return what publishes all that is new and returns the events that came out."""

    def run(expected: int = 1) -> list[dict[str, Any]]:
        answer = app.lambda_handler({"Records": stream.new()}, None)
        assert answer == {"batchItemFailures": []}
        return deployment.bus.events(expected)

    return run


Publish = Callable[..., list[dict[str, Any]]]


def active(stores: Stores, clock: Clock, **body: Any) -> Session:
    """Reserve and confirm a session, as a create does."""
    session = reserved(stores, clock, **body)
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="active",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock() + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings=PAIR,
    )
    confirmed = transitions.confirm(session, answer, 1)
    stores.sessions.replace(session, confirmed)
    return confirmed


def keep(
    stores: Stores, session: Session, clock: Clock, fields: dict[str, str], kind: str
) -> str:
    """Keep a callback as the inbox does, and give its digest."""
    digest = callback_requests.digest_of(list(fields.items()))
    stores.callbacks.put(
        session.session_uuid,
        digest,
        kind=kind,
        tenant_id=session.tenant_id,
        attempt=1,
        attributes=fields,
        received_at=clock(),
    )
    return digest


# Sessions


def test_a_reserved_session_is_no_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    reserved(stores, clock)

    assert publish_new(expected=0) == []


def test_a_confirmed_session_is_announced_without_its_parties(
    stores: Stores, clock: Clock, publish_new: Publish, deployment: Deployment
) -> None:
    session = active(stores, clock, labels={"order": "17"})

    [event] = publish_new()

    detail = event["detail"]
    assert event["source"] == "maskline"
    assert event["detail-type"] == detail["type"] == "session.created"
    assert detail["session_uuid"] == session.session_uuid
    assert detail["tenant_id"] == "acme"
    assert detail["version"] == 2
    assert detail["virtual_number"] == "+12025550180"
    assert detail["labels"] == {"order": "17"}
    assert detail["occurred_at"].endswith("Z")
    assert not any(number in json.dumps(event) for number in PERSONAL)
    assert deployment.bus.events() == []


def test_a_confirmed_session_is_found_by_party_label_plivos_uuid_and_tenant(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    publish_new()

    place = session_items.created_key(session)
    for number in PAIR.values():
        hashed = numbers.hashed(services.number_key, number)
        assert stores.links.has(key_space.party_key("acme", hashed), place)
    assert stores.links.has(key_space.label_key("acme", "order", "17"), place)
    assert stores.links.has(
        key_space.carrier_key(str(session.carrier_session_uuid)), key_space.LINK
    )
    assert stores.links.list_keys(
        session_items.listing_of_tenant("acme"), at_most="9", at_least="0", most=10
    ) == [place]


def test_no_key_and_no_link_holds_a_personal_number(
    stores: Stores,
    clock: Clock,
    publish_new: Publish,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock)
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")
    publish_new(expected=2)

    kept = aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"]
    links = [i for i in kept if i["pk"]["S"][:2] != "S#"]
    assert len(links) == 4
    assert not any(number in json.dumps(links) for number in PERSONAL)
    assert not any(
        number in json.dumps([item["pk"], item["sk"]])
        for item in kept
        for number in PERSONAL
    )


def test_the_same_records_again_give_the_same_ids_and_no_more_items(
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")
    records = stream.new()

    def publish_again() -> tuple[set[str], int]:
        app.lambda_handler({"Records": records}, None)
        ids = {event["detail"]["id"] for event in deployment.bus.events(2)}
        counted = aws.client("dynamodb").scan(
            TableName=deployment.table_name, Select="COUNT"
        )
        return ids, counted["Count"]

    first = publish_again()

    assert len(first[0]) == 2
    assert publish_again() == first


def test_links_are_looked_at_before_they_are_written_again(
    stores: Stores, clock: Clock, stream: TableStream, publish_new: Publish
) -> None:
    active(stores, clock)
    publish_new()
    links = stream.new()
    assert {record["eventName"] for record in links} == {"INSERT"}

    app.lambda_handler({"Records": links}, None)

    assert stream.new() == []


def test_an_update_is_announced_when_it_is_done(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    assert publish_new(expected=0) == []

    answer = CarrierSession(
        session_uuid=str(session.carrier_session_uuid),
        virtual_number=None,
        status="active",
        created_time=None,
        modified_time=None,
        expiry_time=None,
        duration=None,
        callback_url="",
        settings={**PAIR, "record": True},
    )
    stores.sessions.replace(begun, transitions.finish_update(begun, answer))

    [event] = publish_new()
    assert event["detail"]["type"] == "session.updated"
    assert event["detail"]["version"] == 4


def test_an_update_that_changed_nothing_is_no_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.drop_update(begun))

    assert publish_new(expected=0) == []


def test_the_end_of_a_session_is_announced_once(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    ending = transitions.begin_ending(session, clock())
    stores.sessions.replace(session, ending)
    stores.sessions.replace(ending, transitions.expire(ending, clock()))

    [event] = publish_new()

    assert event["detail"]["type"] == "session.expired"


def test_a_session_that_was_found_expired_is_announced_and_can_be_found(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = reserved(stores, clock)
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="expired",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock(),
        duration=3600,
        callback_url="",
        settings=PAIR,
    )
    stores.sessions.replace(session, transitions.confirm(session, answer, 1))

    published = publish_new(expected=2)

    types = sorted(event["detail"]["type"] for event in published)
    assert types == ["session.created", "session.expired"]
    assert stores.links.has(key_space.carrier_key(answer.session_uuid), key_space.LINK)


def test_a_single_party_is_the_only_one_to_be_found_by(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = transitions.reserve(
        session_uuid=sessions.session_uuid_for("acme", None),
        tenant_id="acme",
        asked={"first_party": "+12025550110", "session_expiry": 60},
        labels={},
        base_url="https://masks.example.com",
        now=clock(),
    )
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="active",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock() + timedelta(minutes=1),
        duration=60,
        callback_url="",
        settings={"first_party": "+12025550110"},
    )
    stores.sessions.reserve(session)
    confirmed = transitions.confirm(session, answer, 1)
    stores.sessions.replace(session, confirmed)

    [event] = publish_new()

    hashed = numbers.hashed(services.number_key, "+12025550110")
    assert event["detail"]["type"] == "session.created"
    assert stores.links.has(
        key_space.party_key("acme", hashed), session_items.created_key(confirmed)
    )


def test_a_short_life_is_told_whole_and_in_order_in_one_batch(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    stores.sessions.replace(session, transitions.expire(session, clock()))

    published = publish_new(expected=2)

    types = {event["detail"]["version"]: event["detail-type"] for event in published}
    assert types == {2: "session.created", 3: "session.expired"}


def test_what_sets_out_for_plivo_is_checked_later(
    stores: Stores,
    clock: Clock,
    publish_new: Publish,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.doubt(begun))

    publish_new(expected=0)

    messages = aws.client("sqs").receive_message(
        QueueUrl=deployment.check_queue_url, MaxNumberOfMessages=10
    )["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [
        {"session_uuid": session.session_uuid}
    ]


def test_what_ttl_removes_is_no_news(
    stores: Stores, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    active(stores, clock)
    record = next(r for r in stream.new() if "OldImage" in r["dynamodb"])
    removed = {
        **record,
        "eventName": "REMOVE",
        "dynamodb": {k: v for k, v in record["dynamodb"].items() if k != "NewImage"},
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    }

    assert app.lambda_handler({"Records": [removed]}, None) == {"batchItemFailures": []}
    assert deployment.bus.events() == []


# Callbacks


def test_a_callback_is_told_by_roles_and_without_numbers(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    publish_new()
    digest = keep(stores, session, clock, ANSWERED, "events")

    [event] = publish_new()

    detail = event["detail"]
    assert detail["type"] == "call.answered"
    assert (detail["from"], detail["to"]) == ("first", "second")
    assert detail["callback"] == digest
    assert detail["labels"] == {"order": "17"}
    assert detail["version"] == session.version
    assert detail["carrier_event"]["EventName"] == "SessionSecondPartyAnswer"
    assert "From" not in detail["carrier_event"]
    assert not any(number in json.dumps(event) for number in PERSONAL)


def test_a_strangers_call_is_told_as_unknown_and_can_be_found(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")

    [event] = publish_new()

    hashed = numbers.hashed(services.number_key, "+12025550177")
    assert event["detail"]["from"] == "unknown"
    assert "2025550177" not in json.dumps(event)
    assert stores.links.has(
        key_space.caller_key("acme", hashed), session_items.created_key(session)
    )


@pytest.mark.parametrize(
    "caller", ["12025550100", "12025550101", "12025550180", "anonymous", ""]
)
def test_a_party_the_virtual_number_and_nobody_are_no_strangers(
    stores: Stores, clock: Clock, caller: str
) -> None:
    session = active(stores, clock)

    event = CallbackEvent("0" * 64, {"From": caller})

    assert session_changes.strangers_in(event, session) == []


@pytest.mark.parametrize("name", ["SessionFirstPartyHangup", "SessionTimeout"])
def test_some_callbacks_are_history_alone(
    stores: Stores, clock: Clock, publish_new: Publish, name: str
) -> None:
    session = active(stores, clock)
    publish_new()
    keep(stores, session, clock, {**ANSWERED, "EventName": name}, "events")

    assert publish_new(expected=0) == []


def test_a_callback_whose_session_is_gone_is_dropped(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    ghost = planted(stores, clock)
    publish_new()
    keep(stores, ghost, clock, ANSWERED, "events")
    for part in (key_space.STATE, key_space.REQUEST):
        stores.table.client.delete_item(
            TableName=stores.table.name,
            Key=written_item({"pk": f"S#{ghost.session_uuid}", "sk": part}),
        )

    assert publish_new(expected=0) == []


# Recordings


RECORDED = {
    "EventName": "SessionRecordingCompleted",
    "EventTimestamp": "2026-03-01 12:00:27",
    "From": "12025550100",
    "To": "12025550101",
    "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
    "RecordingURL": "https://media.plivo.com/v1/Recording/5d0f4a3b.mp3",
    "RecordingFormat": ".mp3",
    "RecordingDuration": "18",
}


def test_a_finished_recording_is_announced_without_its_address(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    digest = keep(stores, session, clock, RECORDED, "recordings")

    [event] = publish_new()

    detail = event["detail"]
    assert detail["type"] == "recording.announced"
    assert detail["recording_uuid"] == RECORDED["RecordingUUID"]
    assert detail["callback"] == digest
    assert "media.plivo.com" not in json.dumps(event)
    assert stores.links.has(
        key_space.recording_key(RECORDED["RecordingUUID"]), key_space.LINK
    )


def test_a_stored_recording_is_told_once_with_where_and_what_it_is(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = Announcer(stores, clock, 365).from_callback(RECORDED, "d", session)
    claimed = recording_transitions.claim(begun, clock())
    assert claimed
    stores.recordings.replace(begun, claimed)
    assert publish_new(expected=0) == []

    findings = {
        "bucket": "recordings",
        "key": "recordings/acme/x.mp3",
        "bytes": 17,
        "sha256": "ab",
    }
    stored = recording_transitions.store(claimed, findings, clock())
    stores.recordings.replace(claimed, stored)
    [event] = publish_new()
    stores.recordings.replace(stored, recording_transitions.hold(stored, held=True))

    detail = event["detail"]
    assert detail["type"] == "recording.stored"
    assert detail["recording_uuid"] == RECORDED["RecordingUUID"]
    assert (detail["key"], detail["bytes"], detail["sha256"]) == (
        *("recordings/acme/x.mp3", 17, "ab"),
    )
    assert publish_new(expected=0) == []


# Batches and the bus


def test_a_record_that_fails_by_itself_is_parked_and_blocks_nothing(
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue_url = make_queue(aws.client("sqs"), "parked")
    monkeypatch.setenv("CHANGE_DEAD_LETTERS_URL", queue_url)
    first, _ = active(stores, clock), stream
    records = stream.new()
    key = {"pk": "S#1", "sk": "A#STATE"}
    broken = {
        "dynamodb": {
            "Keys": written_item(key),
            "NewImage": written_item({**key, "note": "2025550100"}),
            "SequenceNumber": "17",
        }
    }

    answer = app.lambda_handler({"Records": [broken, *records]}, None)

    assert answer == {"batchItemFailures": []}
    [event] = deployment.bus.events(1)
    assert event["detail"]["session_uuid"] == first.session_uuid
    [parked] = aws.client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
    assert json.loads(parked["Body"]) == {**key, "reason": "KeyError", "was": None}
    logged = capsys.readouterr().out
    assert "change parked" in logged
    assert "2025550100" not in logged


@contextmanager
def recording_client() -> Iterator[Any]:
    """Return a stand-in for EventBridge's client that records what it is given."""

    class Client:
        def __init__(self) -> None:
            self.batches: list[list[dict[str, Any]]] = []
            self.refuse: set[int] = set()

        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            self.batches.append(Entries)
            entries = [
                {"ErrorCode": "ThrottlingException"} if n in self.refuse else {}
                for n in range(len(Entries))
            ]
            return {"FailedEntryCount": len(self.refuse), "Entries": entries}

    yield Client()


def an_event(number: int) -> Event:
    """Return an event."""
    return Event(
        "session.created",
        str(number),
        "2026-03-01T12:00:00Z",
        "s",
        "acme",
        {"n": number},
    )


def test_the_bus_takes_ten_events_at_once() -> None:
    with recording_client() as client:
        Bus(client, "maskline").put([an_event(n) for n in range(23)])

        assert [len(batch) for batch in client.batches] == [10, 10, 3]
        entry = client.batches[0][0]
        assert entry["EventBusName"] == "maskline"
        assert entry["DetailType"] == "session.created"
        assert json.loads(entry["Detail"])["n"] == 0


def test_an_event_that_the_bus_leaves_out_is_not_forgotten() -> None:
    with recording_client() as client:
        client.refuse = {1}

        with pytest.raises(EventsNotTakenError, match="ThrottlingException"):
            Bus(client, "maskline").put([an_event(0), an_event(1)])


def test_a_record_whose_event_is_not_taken_comes_again(
    services: Services, stores: Stores, clock: Clock, stream: TableStream
) -> None:
    active(stores, clock)
    records = stream.new()
    with recording_client() as client:
        client.refuse = {0}
        moved = at(services, clock)
        moved.bus = Bus(client, "x")
        publisher = moved.change_publisher

        for quiet in records[:-1]:
            publisher.publish(quiet)
        with pytest.raises(EventsNotTakenError):
            publisher.publish(records[-1])


def test_a_request_that_was_purged_early_does_not_stop_the_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    stores.table.client.delete_item(
        TableName=stores.table.name,
        Key=written_item({"pk": f"S#{session.session_uuid}", "sk": key_space.REQUEST}),
    )

    [event] = publish_new()

    assert event["detail"]["type"] == "session.created"
    assert stored(stores, session).asked == {}
