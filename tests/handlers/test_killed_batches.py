"""A batch that Lambda gave up on is read from the stream, and published as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.publish_changes import app as publish_changes
from functions.republish_changes import app as republish_changes
from masking.core import key_space
from masking.domain.sessions import Session
from masking.storage import bus
from masking.storage.stores import Stores
from masking.stream.killed_batches import GONE, KILLED
from masking.wiring import Services
from tests.handlers.test_republish_changes import HISTORY, Down, lived, told
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.publishing import active
from tests.support.table_stream import TableStream

FIRST = "DDBStreamBatchInfo"


class KillingError(BaseException):
    """Ends a function as a kill does: nothing catches it, nothing is reported."""


Given = Callable[[list[dict[str, Any]]], dict[str, Any]]


@pytest.fixture(name="given_up")
def _given_up(aws: EmbeddedAws, deployment: Deployment) -> Given:
    """Return what tells of a batch of records as Lambda does when it gives up."""
    table = aws.client("dynamodb").describe_table(TableName=deployment.table_name)
    arn = table["Table"]["LatestStreamArn"]
    described = aws.client("dynamodbstreams").describe_stream(StreamArn=arn)
    [shard] = described["StreamDescription"]["Shards"]

    def tell(records: list[dict[str, Any]]) -> dict[str, Any]:
        places = [each["dynamodb"]["SequenceNumber"] for each in records]
        return {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            FIRST: {
                "shardId": shard["ShardId"],
                "startSequenceNumber": places[0],
                "endSequenceNumber": places[-1],
                "batchSize": len(records),
                "streamArn": arn,
            },
        }

    return tell


def message(body: object, received: int = 1, number: int = 0) -> dict[str, Any]:
    """Return a message of the queue, received so many times."""
    return {
        "messageId": str(number),
        "receiptHandle": f"r-{number}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


def republish(*messages: dict[str, Any]) -> object:
    """Hand messages over."""
    return republish_changes.lambda_handler({"Records": list(messages)}, None)


def parked_in(deployment: Deployment) -> list[dict[str, Any]]:
    """Take out what was parked."""
    return deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])


def spoil(aws: EmbeddedAws, deployment: Deployment, name: str = "S#broken") -> None:
    """Write a state that no event can be made of."""
    aws.client("dynamodb").put_item(
        TableName=deployment.table_name,
        Item={"pk": {"S": name}, "sk": {"S": key_space.STATE}, "status": {"S": "x"}},
    )


def test_its_changes_are_published_as_they_would_have_been(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
) -> None:
    lived(stores, clock)
    records = stream.new()
    publish_changes.lambda_handler({"Records": records}, None)
    expected = told(deployment)

    answer = republish(message(given_up(records)))

    came = deployment.published()
    assert answer is None
    assert [each["type"] for each in came] == HISTORY
    for name in ("id", "sequence"):
        assert [each[name] for each in came] == [each[name] for each in expected]
    assert parked_in(deployment) == []


def test_of_a_part_of_the_stream_that_part_alone_is_published(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
) -> None:
    lived(stores, clock)
    stream.new()
    second = active(stores, clock)
    records = stream.new()
    active(stores, clock)

    republish(message(given_up(records)))

    [created] = deployment.published()
    assert created["session_uuid"] == second.session_uuid


def test_a_record_that_fails_is_parked_by_itself_with_what_its_replay_needs(
    aws: EmbeddedAws,
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
) -> None:
    first = active(stores, clock)
    spoil(aws, deployment)
    second = active(stores, clock)

    answer = republish(message(given_up(stream.new())))

    assert answer is None
    came = {each["session_uuid"] for each in deployment.published()}
    assert came == {first.session_uuid, second.session_uuid}
    [parked] = parked_in(deployment)
    assert (parked["pk"], parked["reason"]) == ("S#broken", "KeyError")
    assert parked["new"] == {"status": {"S": "x"}}


def test_what_the_bus_still_refuses_is_parked_with_its_events(
    deployment: Deployment,
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
) -> None:
    lived(stores, clock)
    moved = at(services, lambda: datetime.now(UTC))
    moved.bus = bus.Bus(Down(), "b", sleep=lambda _: None)  # type: ignore[arg-type]

    again = moved.republish_changes.work_all([message(given_up(stream.new()))])
    parked = parked_in(deployment)
    republish(*(message(each, number=n) for n, each in enumerate(parked)))

    assert again == []
    assert [each["type"] for each in deployment.published()] == HISTORY


def test_changes_that_the_stream_has_forgotten_are_reported_and_the_rest_published(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lived(stores, clock)
    notice = given_up(stream.new())
    notice[FIRST]["startSequenceNumber"] = "0" * 20 + "1"
    notice[FIRST]["batchSize"] += 3

    answer = republish(message(notice))

    assert answer is None
    assert [each["type"] for each in deployment.published()] == HISTORY
    assert parked_in(deployment) == [notice]
    logged = capsys.readouterr().out
    assert "changes lost" in logged
    assert '"ChangesLost":[3.0]' in logged


def test_a_range_with_fewer_changes_than_its_batch_had_is_reported(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    capsys: pytest.CaptureFixture[str],
) -> None:
    active(stores, clock)
    notice = given_up(stream.new())
    notice[FIRST]["batchSize"] += 2

    answer = republish(message(notice))

    assert answer is None
    assert [each["type"] for each in deployment.published()] == ["session.created"]
    assert parked_in(deployment) == [notice]
    assert '"ChangesLost":[2.0]' in capsys.readouterr().out


@pytest.mark.parametrize(
    "gone",
    [
        {"shardId": "shardId-00000000000000000009-00000009"},
        {
            "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/gone/stream/"
            "2026-03-01T12:00:00.000"
        },
    ],
)
def test_of_a_shard_or_stream_that_is_gone_the_message_is_put_away_with_a_reason(
    aws: EmbeddedAws,
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    gone: dict[str, str],
) -> None:
    active(stores, clock)
    notice = given_up(stream.new())
    notice[FIRST] |= gone

    assert republish(message(notice)) is None

    letters = aws.client("sqs").receive_message(
        QueueUrl=deployment.environment["CHANGE_DEAD_LETTERS_URL"],
        MessageAttributeNames=["All"],
    )["Messages"]
    [letter] = letters
    assert json.loads(letter["Body"]) == notice
    assert letter["MessageAttributes"]["explanation"]["StringValue"] == GONE
    assert deployment.published() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"shardId": "7"},
        {"startSequenceNumber": "7"},
        {"startSequenceNumber": None},
        {"endSequenceNumber": "last"},
        {"streamArn": 3},
    ],
)
def test_a_message_that_cant_be_read_comes_again_alone(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    bad: dict[str, Any],
) -> None:
    active(stores, clock)
    notice = given_up(stream.new())
    broken = {**notice, FIRST: {**notice[FIRST], **bad}}

    answer = republish(message(broken, number=1), message(notice, number=2))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [each["type"] for each in deployment.published()] == ["session.created"]


@pytest.mark.parametrize("name", ["pk", "sk", "reason"])
def test_a_message_with_a_key_that_is_no_text_takes_nobody_with_it(
    deployment: Deployment,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    name: str,
) -> None:
    active(stores, clock)
    broken = {"pk": "S#1", "sk": key_space.STATE, "reason": "KeyError", name: 7}
    notice = given_up(stream.new())

    answer = republish(message(broken, number=1), message(notice, number=2))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [each["type"] for each in deployment.published()] == ["session.created"]


# What kills the function that republishes as well


class Killing:
    """EventBridge that kills whoever tells it of a session."""

    def __init__(self, client: Any, session_uuid: str) -> None:
        self._client, self._session_uuid = client, session_uuid

    def put_events(self, Entries: Any) -> Any:  # noqa: N803
        """Take the events, or kill."""
        if any(self._session_uuid in each["Detail"] for each in Entries):
            raise KillingError
        return self._client.put_events(Entries=Entries)


@dataclass(frozen=True)
class Mortal:
    """The function, and a session in the midst of others that kills it."""

    services: Services
    session: Session

    @property
    def key(self) -> str:
        """Return the partition of the session that kills."""
        return key_space.session_key(self.session.session_uuid)

    def republish(self, *messages: dict[str, Any]) -> list[str]:
        """Hand messages over."""
        return self.services.republish_changes.work_all(messages)


@pytest.fixture(name="mortal")
def _mortal(services: Services, stores: Stores, clock: Clock) -> Mortal:
    """Return the function, with five sessions in the stream."""
    sessions = [active(stores, clock) for _ in range(5)]
    moved = at(services, lambda: datetime.now(UTC))
    client = Killing(services.bus._client, sessions[2].session_uuid)
    moved.bus = bus.Bus(client, services.bus._name)  # type: ignore[arg-type]
    return Mortal(moved, sessions[2])


def test_what_kills_this_function_too_takes_no_neighbor_with_it(
    deployment: Deployment, stream: TableStream, given_up: Given, mortal: Mortal
) -> None:
    notice = given_up(stream.new())

    for received in (1, 2):
        with pytest.raises(KillingError):
            mortal.republish(message(notice, received))
    came = {each["session_uuid"] for each in deployment.published()}
    again = mortal.republish(message(notice, 3))

    assert again == []
    assert (len(came), mortal.session.session_uuid in came) == (4, False)
    parked = [each for each in parked_in(deployment) if each["pk"] == mortal.key]
    assert {each["reason"] for each in parked} == {KILLED}
    states = [each for each in parked if each["sk"] == key_space.STATE]
    assert sorted(each["new"]["status"]["S"] for each in states) == [
        *("active", "reserved")
    ]


def test_a_parked_change_that_kills_is_left_alone_in_the_queue(
    aws: EmbeddedAws, deployment: Deployment, stream: TableStream, mortal: Mortal
) -> None:
    sqs, queue = aws.client("sqs"), deployment.environment["CHANGE_QUEUE_URL"]
    for record in stream.new():
        mortal.services.publish_changes.park(record, "KeyError")
    for each in parked_in(deployment):
        if each["was"] == "reserved":
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(each))

    for received in (1, 2, 3):
        letters = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        with pytest.raises(KillingError):
            mortal.republish(
                *(
                    message(each["Body"], received, number)
                    | {"receiptHandle": each["ReceiptHandle"]}
                    for number, each in enumerate(letters["Messages"])
                )
            )
        for each in letters["Messages"]:
            # It may be deleted by now.
            with suppress(ClientError):
                sqs.change_message_visibility(
                    QueueUrl=queue,
                    ReceiptHandle=each["ReceiptHandle"],
                    VisibilityTimeout=0,
                )

    [left] = deployment.taken(queue)
    assert left["pk"] == mortal.key
    came = {each["session_uuid"] for each in deployment.published()}
    assert (len(came), mortal.session.session_uuid in came) == (4, False)


# What is counted


@pytest.mark.parametrize(("beside", "counted"), [(0, 2), (1, 0)])
def test_live_sessions_are_counted_if_no_record_is_another_batchs(
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    given_up: Given,
    capsys: pytest.CaptureFixture[str],
    beside: int,
    counted: int,
) -> None:
    stores.tenants.put_settings("acme", {"live_sessions": 10})
    active(stores, clock)
    active(stores, clock)
    notice = given_up(stream.new())
    notice[FIRST]["batchSize"] -= beside

    republish(message(notice))

    live = stores.table.get("TENANT#acme", key_space.LIVE) or {}
    assert live.get("live", 0) == counted
    assert ("LiveSessionsNotCounted" in capsys.readouterr().out) is bool(beside)
