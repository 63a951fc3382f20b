"""What was parked is published as it was: each event once, with its id and sequence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.publish_changes import app as publish_changes
from functions.republish_changes import app as republish_changes
from masking.domain import (
    bus_events,
    transitions,
)
from masking.domain.redaction import redacted_session
from masking.domain.sessions import CarrierSession, Session
from masking.storage import bus
from masking.storage.stores import Stores
from masking.storage.timelines import callback_event_from
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.payloads import PAIR
from tests.support.publishing import (
    active,
    callback_records,
    keep,
    publish,
)
from tests.support.raw_callbacks import (
    active_session,
)
from tests.support.signed_callbacks import ANSWERED
from tests.support.table_stream import TableStream

HISTORY = [
    *("session.created", "session.updated", "call.answered", "session.updated"),
    "session.expired",
]
THIRD = "+12025550177"


class Down:
    """EventBridge while it can't be reached."""

    def put_events(self, **_: Any) -> Any:
        """Fail as the SDK does."""
        raise EndpointConnectionError(endpoint_url="https://events.invalid")


class Refusing:
    """EventBridge that refuses the entries of one type for good, and takes the rest."""

    def __init__(self, client: Any, kind: str) -> None:
        self._client, self._kind = client, kind

    def put_events(self, Entries: Any) -> Any:  # noqa: N803
        """Answer for each entry."""
        good = [each for each in Entries if each["DetailType"] != self._kind]
        if good:
            self._client.put_events(Entries=good)
        entries = [
            {"EventId": "x"} if each in good else {"ErrorCode": "MalformedDetail"}
            for each in Entries
        ]
        return {"FailedEntryCount": len(Entries) - len(good), "Entries": entries}


def updated(stores: Stores, session: Session, clock: Clock, **changes: Any) -> Session:
    """Update a session as PATCH does."""
    begun = transitions.begin_update(session, changes, clock())
    stores.sessions.replace(session, begun)
    answer = CarrierSession(
        session_uuid=str(session.carrier_session_uuid),
        virtual_number=None,
        status="active",
        created_time=None,
        modified_time=None,
        expiry_time=None,
        duration=None,
        callback_url="",
        settings={**PAIR, **session.settings, **changes},
    )
    done = transitions.finish_update(begun, answer)
    stores.sessions.replace(begun, done)
    return done


def lived(stores: Stores, clock: Clock) -> Session:
    """Let a session live: created, updated twice, answered, expired."""
    session = active(stores, clock, labels={"order": "17"})
    session = updated(stores, session, clock, record=True)
    keep(stores, session, clock, ANSWERED, "events")
    session = updated(stores, session, clock, second_party=THIRD)
    expired = transitions.expire(session, clock())
    stores.sessions.replace(session, expired)
    return expired


def long_ago(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records that have held up their shard for long."""
    written = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    return [
        {
            **each,
            "dynamodb": {**each["dynamodb"], "ApproximateCreationDateTime": written},
        }
        for each in records
    ]


def parked_while_down(
    services: Services, deployment: Deployment, records: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Publish long-held records while the bus is down; return what was parked."""
    moved = at(services, lambda: datetime.now(UTC))
    moved.bus = bus.Bus(Down(), "b", sleep=lambda _: None)  # type: ignore[arg-type]
    assert moved.publish_changes.relay(long_ago(records)) is None
    return deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])


def redrive(parked: list[dict[str, Any]]) -> object:
    """Hand all that was parked over, in one batch."""
    records = [
        {"messageId": str(number), "body": json.dumps(each)}
        for number, each in enumerate(parked)
    ]
    return republish_changes.lambda_handler({"Records": records}, None)


def told(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the events on the bus, by their sequence."""
    return sorted(deployment.published(), key=lambda each: str(each["sequence"]))


def test_after_a_redrive_each_event_has_come_once_and_in_sequence(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    lived(stores, clock)
    records = stream.new()
    publish_changes.lambda_handler({"Records": records}, None)
    expected = told(deployment)

    parked = parked_while_down(services, deployment, records)
    # A queue keeps no order.
    answer = redrive(parked[::-1])

    came = deployment.published()
    assert answer is None
    assert [each["type"] for each in came] == HISTORY
    assert [each["sequence"] for each in came] == sorted(e["sequence"] for e in came)
    assert [each["id"] for each in came] == [each["id"] for each in expected]
    assert came[3]["changed"] == ["second_party"]


def test_a_change_that_no_events_could_be_made_of_is_replayed_from_its_images(
    aws: EmbeddedAws,
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    lived(stores, clock)
    records = stream.new()
    publish_changes.lambda_handler({"Records": records}, None)
    expected = told(deployment)
    moved = at(
        services,
        lambda: datetime.now(UTC),
        faulty_stores(aws, deployment.table_name, "Query"),
    )

    assert moved.publish_changes.relay(long_ago(records)) is None
    parked = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    assert deployment.published() == []
    redrive(parked)

    came = deployment.published()
    assert [(e["type"], e["id"]) for e in came] == [
        (e["type"], e["id"]) for e in expected
    ]
    changed = [each["changed"] for each in came if each["type"] == "session.updated"]
    assert changed == [["record"], ["second_party"]]
    assert [each["version"] for each in came] == [e["version"] for e in expected]


@pytest.mark.parametrize("fails", ["the bus", "the table"])
def test_what_is_parked_holds_no_number_and_no_url(
    aws: EmbeddedAws,
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    fails: str,
) -> None:
    session = active(stores, clock, callback_url="https://app.example.com/h?k=secret")
    updated(
        stores, session, clock, second_party=THIRD, callback_url="https://b.example"
    )
    keep(stores, session, clock, ANSWERED, "events")
    records = stream.new()

    if fails == "the bus":
        parked = parked_while_down(services, deployment, records)
    else:
        moved = at(
            services,
            lambda: datetime.now(UTC),
            faulty_stores(aws, deployment.table_name, "Query"),
        )
        moved.publish_changes.relay(long_ago(records))
        parked = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])

    text = json.dumps(parked)
    assert len(parked) >= 3
    # The virtual number is nobody's.
    assert "20255501" not in text.replace(str(session.virtual_number)[1:], "")
    assert "app.example.com" not in text
    assert "b.example" not in text


def test_an_entry_that_is_refused_for_good_parks_itself_and_no_neighbor(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    lived(stores, clock)
    moved = at(services, lambda: datetime.now(UTC))
    client = services.bus._client
    moved.bus = bus.Bus(Refusing(client, "call.answered"), services.bus._name)  # type: ignore[arg-type]

    assert moved.publish_changes.relay(stream.new()) is None

    [parked] = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    kinds = [each["type"] for each in told(deployment)]
    assert kinds == [each for each in HISTORY if each != "call.answered"]
    assert parked["reason"] == "MalformedDetail"
    assert [each["type"] for each in parked["events"]] == ["call.answered"]


def test_nothing_is_parked_that_comes_again(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    lived(stores, clock)
    records = stream.new()
    del records[-1]["dynamodb"]["NewImage"]["version"]
    moved = at(services, lambda: datetime.now(UTC))
    moved.bus = bus.Bus(Down(), "b", sleep=lambda _: None)  # type: ignore[arg-type]

    first = moved.publish_changes.relay(records)

    assert first
    assert deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"]) == []


def test_what_a_person_did_who_was_erased_since_is_not_told_by_a_redrive(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    session = lived(stores, clock)
    parked = parked_while_down(services, deployment, stream.new())
    stores.sessions.replace(session, redacted_session(session, clock()))

    redrive(parked)

    came = told(deployment)
    assert [e["type"] for e in came] == [e for e in HISTORY if "call" not in e]
    assert all(each["labels"] == {} for each in came)


def test_a_change_that_fails_again_holds_back_what_follows_of_its_session_alone(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
) -> None:
    lived(stores, clock)
    records = stream.new()
    parked = parked_while_down(services, deployment, records)
    other = {**parked[0], "pk": "S#other", "events": parked[0]["events"]}
    broken = {**parked[0], "events": [{}]}

    answer: Any = redrive([broken, *parked[1:], other])

    assert len(answer["batchItemFailures"]) == len(parked)
    assert [each["type"] for each in deployment.published()] == ["session.created"]


def test_what_was_parked_is_published_from_the_table_by_the_redrive(
    deployment: Deployment, services: Services
) -> None:
    records = callback_records(deployment, services, 1)
    [kept] = services.stores.callbacks.of_session(
        records[0]["dynamodb"]["Keys"]["pk"]["S"][2:]
    )
    expected = bus_events.event_of_callback(
        callback_event_from(kept), active_session(services)
    )
    records[0]["dynamodb"]["NewImage"]["attributes"] = {"no type": {}}
    publish_changes.lambda_handler({"Records": records}, None)
    [parked] = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])

    republish_changes.lambda_handler({"Records": [{"body": json.dumps(parked)}]}, None)

    [event] = deployment.published()
    assert expected
    assert event["id"] == expected.id


@pytest.mark.parametrize("was", ["reserved", None])
def test_a_change_of_a_session_keeps_its_id_through_the_redrive(
    deployment: Deployment, services: Services, was: str | None
) -> None:
    session = active_session(services)
    publish(deployment)
    [created] = deployment.published()

    parked = {
        "pk": f"S#{session.session_uuid}",
        "sk": "A#STATE",
        "reason": "KeyError",
        "was": was,
    }
    republish_changes.lambda_handler({"Records": [{"body": json.dumps(parked)}]}, None)

    [again] = deployment.published()
    assert (again["id"], again["type"]) == (created["id"], "session.created")


@pytest.mark.parametrize(
    "bad",
    [
        *("{}", "not JSON", "[]"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("1" * 5_000, id="too long a number"),
        '{"DDBStreamBatchInfo": {}}',
        '{"pk": "S#1", "sk": "A#STATE", "reason": "x", "place": [1], "new": 7}',
    ],
)
def test_a_message_that_names_no_change_comes_again_alone(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    bad: str,
) -> None:
    lived(stores, clock)
    parked = parked_while_down(services, deployment, stream.new())
    records = [
        {"messageId": "bad", "body": bad},
        *({"messageId": str(n), "body": json.dumps(p)} for n, p in enumerate(parked)),
    ]

    answer = republish_changes.lambda_handler({"Records": records}, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert [each["type"] for each in deployment.published()] == HISTORY


def test_what_is_not_begun_in_time_comes_again(
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
) -> None:
    lived(stores, clock)
    parked = parked_while_down(services, deployment, stream.new())
    messages = [
        {"messageId": str(number), "body": json.dumps(each)}
        for number, each in enumerate(parked)
    ]
    has_time = iter([True, True])

    again = services.republish_changes.work_all(messages, lambda: next(has_time, False))

    assert len(again) == len(parked) - 2
