"""Tests reach the embedded AWS by a short way; it answers as over HTTPS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.embedded_aws import (
    EmbeddedAws,
    make_bus,
    make_queue,
    make_secret,
    make_table,
)
from tests.support.framed_client import stay_on_https

# What differs from request to request.
OF_ONE_REQUEST = {"EventId", "HTTPHeaders", "MessageId", "ReceiptHandle", "RequestId"}
KEY = {"pk": {"S": "ÄÖ\u2003😀"}, "sk": {"S": "1"}}
ITEM = {**KEY, "text": {"S": "\x00\"'\n" + "é" * 150_000}, "bytes": {"B": b"\x00\xff"}}
NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True)
class Place:
    """What the requests of this file go to."""

    table: str
    stream: str
    queue: str
    bus: str
    secret: str


@dataclass(frozen=True)
class Keys:
    """An identity of the embedded AWS, by which requests are signed."""

    key_id: str
    secret: str


ROOT = Keys(ACCESS_KEY, SECRET_KEY)


@pytest.fixture(scope="module")
def place(aws: EmbeddedAws) -> Place:
    """Return resources, with an item in the table."""
    dynamodb = aws.client("dynamodb")
    table = make_table(dynamodb)
    dynamodb.put_item(TableName=table, Item=ITEM)
    return Place(
        table=table,
        stream=dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"],
        queue=make_queue(aws.client("sqs"), "framed"),
        bus=make_bus(aws.client("events"), aws.client("sqs")).name,
        secret=make_secret(aws.client("secretsmanager"), "kept"),
    )


@pytest.fixture(scope="module")
def reader(aws: EmbeddedAws, place: Place) -> Iterator[Keys]:
    """Return somebody who may read one item's partition, and nothing else."""
    iam = _client(aws, "iam", ROOT)
    name = f"reader-{uuid.uuid4()}"
    allowed = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": f"arn:aws:dynamodb:{REGION}:*:table/{place.table}",
    }
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    made = iam.create_access_key(UserName=name)["AccessKey"]
    yield Keys(made["AccessKeyId"], made["SecretAccessKey"])
    iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="read")
    iam.delete_user(UserName=name)


Ask = Callable[[Place], dict[str, Any]]


def _table(**more: Any) -> Ask:
    return lambda place: {"TableName": place.table, **more}


@pytest.mark.parametrize(
    ("service", "operation", "ask", "error"),
    [
        ("dynamodb", "get_item", _table(Key=KEY), None),
        (
            "dynamodb",
            "query",
            _table(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": KEY["pk"]},
                ReturnConsumedCapacity="TOTAL",
            ),
            None,
        ),
        ("dynamodb", "put_item", _table(Item=ITEM, ReturnValues="ALL_OLD"), None),
        (
            "dynamodb",
            "batch_get_item",
            lambda place: {"RequestItems": {place.table: {"Keys": [KEY]}}},
            None,
        ),
        (
            "dynamodb",
            "put_item",
            _table(
                Item=KEY,
                ConditionExpression=NEW,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            ),
            "ConditionalCheckFailedException",
        ),
        (
            "dynamodb",
            "transact_write_items",
            lambda place: {
                "TransactItems": [
                    {
                        "ConditionCheck": {
                            "TableName": place.table,
                            "Key": KEY,
                            "ConditionExpression": NEW,
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    }
                ]
            },
            "TransactionCanceledException",
        ),
        (
            "dynamodb",
            "put_item",
            _table(Item={"pk": {"S": "a"}}),
            "ValidationException",
        ),
        (
            "dynamodb",
            "update_item",
            _table(Key=KEY, UpdateExpression="SET a = :missing"),
            "ValidationException",
        ),
        (
            "dynamodb",
            "get_item",
            lambda _: {"TableName": "nowhere", "Key": KEY},
            "ResourceNotFoundException",
        ),
        ("dynamodb", "describe_table", _table(), None),
        (
            "dynamodbstreams",
            "describe_stream",
            lambda place: {"StreamArn": place.stream},
            None,
        ),
        (
            "dynamodbstreams",
            "describe_stream",
            lambda place: {"StreamArn": place.stream[:-5]},
            "ResourceNotFoundException",
        ),
        (
            "sqs",
            "send_message",
            lambda place: {"QueueUrl": place.queue, "MessageBody": "né\n<&>"},
            None,
        ),
        (
            "sqs",
            "receive_message",
            lambda place: {"QueueUrl": place.queue, "VisibilityTimeout": 0},
            None,
        ),
        (
            "sqs",
            "send_message_batch",
            lambda place: {
                "QueueUrl": place.queue,
                "Entries": [{"Id": "a", "MessageBody": "1"}],
            },
            None,
        ),
        (
            "sqs",
            "receive_message",
            lambda place: {"QueueUrl": f"{place.queue}-not"},
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "events",
            "put_events",
            lambda place: {
                "Entries": [
                    {
                        "EventBusName": place.bus,
                        "Source": "maskline",
                        "DetailType": "session.created",
                        "Detail": '{"a": "né"}',
                    }
                ]
            },
            None,
        ),
        (
            "events",
            "describe_event_bus",
            lambda _: {"Name": "nowhere"},
            "ResourceNotFoundException",
        ),
        (
            "secretsmanager",
            "get_secret_value",
            lambda place: {"SecretId": place.secret},
            None,
        ),
        (
            "secretsmanager",
            "get_secret_value",
            lambda _: {"SecretId": "nowhere"},
            "ResourceNotFoundException",
        ),
    ],
)
def test_an_answer_is_the_one_that_comes_over_https(
    aws: EmbeddedAws,
    place: Place,
    service: str,
    operation: str,
    ask: Ask,
    error: str | None,
) -> None:
    short, https = _both(aws, service, operation, ask(place))

    assert short.get("Error", {}).get("Code") == error
    assert short == https


def test_one_who_may_read_reads_and_is_denied_the_rest(
    aws: EmbeddedAws, place: Place, reader: Keys
) -> None:
    key = {"TableName": place.table, "Key": KEY}
    item = {"TableName": place.table, "Item": KEY}

    read = _both(aws, "dynamodb", "get_item", key, reader)
    denied = _both(aws, "dynamodb", "put_item", item, reader)

    assert read[0]["Item"] == read[1]["Item"] == ITEM
    assert denied[0]["Error"]["Code"] == "AccessDeniedException"
    assert denied[0] == denied[1]


def test_a_wrong_signature_is_refused(
    aws: EmbeddedAws, place: Place, reader: Keys
) -> None:
    wrong = Keys(reader.key_id, "another's")
    key = {"TableName": place.table, "Key": KEY}

    short, https = _both(aws, "dynamodb", "get_item", key, wrong)

    assert short["Error"]["Code"] == "InvalidSignatureException"
    assert short == https


def test_threads_get_their_own_answers(aws: EmbeddedAws, place: Place) -> None:
    client = aws.client("dynamodb")

    def count(name: int) -> list[int]:
        key = {"pk": {"S": f"thread {name}"}, "sk": {"S": "1"}}
        return [
            int(
                client.update_item(
                    TableName=place.table,
                    Key=key,
                    UpdateExpression="ADD n :n",
                    ExpressionAttributeValues={":n": {"N": str(name)}},
                    ReturnValues="ALL_NEW",
                )["Attributes"]["n"]["N"]
            )
            for _ in range(10)
        ]

    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(count, range(1, 9)))

    assert counted == [[name * n for n in range(1, 11)] for name in range(1, 9)]


def test_what_is_no_json_protocol_goes_over_https(aws: EmbeddedAws) -> None:
    client = _client(aws, "s3", ROOT)
    over_https = Counted(client)

    client.list_buckets()

    assert over_https.requests == 1


def _both(
    aws: EmbeddedAws,
    service: str,
    operation: str,
    params: dict[str, Any],
    keys: Keys = ROOT,
) -> tuple[Any, Any]:
    """Return what can be compared of two answers: the short way's, and HTTPS'."""
    client = _client(aws, service, keys)
    over_https = Counted(client)
    short = _asked(client, operation, params)
    assert over_https.requests == 0
    stay_on_https(client)
    https = _asked(client, operation, params)
    assert over_https.requests == 1
    return _comparable(short), _comparable(https)


class Counted:
    """Counts what a client sends over HTTPS."""

    def __init__(self, client: Any) -> None:
        self.requests = 0
        self._session = client._endpoint.http_session
        client._endpoint.http_session = self

    def send(self, request: Any) -> Any:
        self.requests += 1
        return self._session.send(request)

    def close(self) -> None:
        self._session.close()


def _client(aws: EmbeddedAws, service: str, keys: Keys) -> Any:
    return boto3.Session(
        aws_access_key_id=keys.key_id,
        aws_secret_access_key=keys.secret,
        region_name=REGION,
    ).client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.url,
        verify=str(aws.ca_file),
        config=Config(proxies={}),
    )


def _asked(client: Any, operation: str, params: dict[str, Any]) -> Any:
    try:
        return getattr(client, operation)(**params)
    except ClientError as error:
        return error.response


def _comparable(answer: Any) -> Any:
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return {
        **_without_ids(answer),
        "headers": sorted(headers),
        "content-type": headers["content-type"],
        "content-length": headers["content-length"],
    }


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(each) for each in value]
    if isinstance(value, dict):
        return {k: _without_ids(v) for k, v in value.items() if k not in OF_ONE_REQUEST}
    return value
