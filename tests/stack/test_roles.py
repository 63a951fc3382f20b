"""The local stack enforces the roles of its functions, partitions of the table too."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stack.aws.clients import REGION
from stack.aws.roles import (
    leading_keys,
    named_by_arn,
    with_leading_keys,
    without_batches,
)
from stack.running import RunningStack

SESSION = {"pk": {"S": "S#7"}, "sk": {"S": "A#STATE"}}
KEY = {"pk": {"S": "KEY#0"}, "sk": {"S": "KEY"}}


def _as_function(stack: RunningStack, folder: str, service: str) -> Any:
    """Give a client with what a function's role may do."""
    name = stack.function_names()[folder]
    function = stack.aws.client("lambda").get_function(FunctionName=name)
    granted = stack.aws.client("sts").assume_role(
        RoleArn=function["Configuration"]["Role"], RoleSessionName="a-test"
    )["Credentials"]
    made: Any = boto3.Session()
    return made.client(
        service,
        region_name=REGION,
        endpoint_url=stack.addresses.aws_url,
        verify=str(stack.run_dir / "ca.pem"),
        aws_access_key_id=granted["AccessKeyId"],
        aws_secret_access_key=granted["SecretAccessKey"],
        aws_session_token=granted["SessionToken"],
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_function_does_what_it_was_granted(stack: RunningStack) -> None:
    table = stack.outputs["TableName"]
    dynamodb = _as_function(stack, "on_session_event", "dynamodb")
    secrets = _as_function(stack, "on_session_event", "secretsmanager")

    assert "Item" not in dynamodb.get_item(TableName=table, Key=SESSION)
    assert secrets.get_secret_value(SecretId=stack.outputs["CarrierSecretArn"])
    assert "Item" not in _as_function(stack, "authorize", "dynamodb").get_item(
        TableName=table, Key=KEY
    )


def test_the_stream_may_let_a_request_outlive_an_extended_session(
    stack: RunningStack,
) -> None:
    dynamodb = _as_function(stack, "publish_changes", "dynamodb")

    with pytest.raises(ClientError) as error:
        dynamodb.update_item(
            TableName=stack.outputs["TableName"],
            Key=SESSION,
            UpdateExpression="SET purge_at = :at",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":at": {"N": "1"}},
        )

    assert _code(error) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("folder", "operation", "request_of"),
    [
        ("on_session_event", "get_item", {"Key": KEY}),
        ("on_session_event", "put_item", {"Item": KEY}),
        ("on_session_event", "delete_item", {"Key": SESSION}),
        ("on_session_event", "scan", {}),
        ("authorize", "get_item", {"Key": SESSION}),
        ("get_session", "put_item", {"Item": SESSION}),
        (
            "get_session",
            "query",
            {
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": "TENANT#local"}},
            },
        ),
        (
            "create_session",
            "query",
            {
                "IndexName": "by_tenant",
                "KeyConditionExpression": "tenant_sessions = :t",
                "ExpressionAttributeValues": {":t": {"S": "local"}},
            },
        ),
    ],
)
def test_a_function_is_denied_what_it_was_not_granted_in_the_table(
    stack: RunningStack, folder: str, operation: str, request_of: dict[str, Any]
) -> None:
    client = _as_function(stack, folder, "dynamodb")

    with pytest.raises(ClientError) as error:
        getattr(client, operation)(TableName=stack.outputs["TableName"], **request_of)

    assert _code(error) == "AccessDeniedException"


def test_a_function_is_denied_what_it_was_not_granted_elsewhere(
    stack: RunningStack,
) -> None:
    outputs = stack.outputs
    denied: dict[tuple[str, str], Any] = {
        ("get_session", "secretsmanager"): lambda client: client.get_secret_value(
            SecretId=outputs["CarrierSecretArn"]
        ),
        ("get_recording", "s3"): lambda client: client.put_object(
            Bucket=outputs["BucketName"], Key="recordings/a.wav", Body=b""
        ),
        ("on_session_event", "sqs"): lambda client: client.send_message(
            QueueUrl=outputs["RecordingQueueUrl"], MessageBody="{}"
        ),
        ("create_session", "events"): lambda client: client.put_events(
            Entries=[
                {
                    "Source": "maskline",
                    "DetailType": "session.created",
                    "Detail": "{}",
                    "EventBusName": outputs["BusName"],
                }
            ]
        ),
    }

    for (folder, service), ask in denied.items():
        with pytest.raises(ClientError) as error:
            ask(_as_function(stack, folder, service))
        assert _code(error).startswith("AccessDenied"), folder


@pytest.mark.parametrize(
    ("request_of", "keys"),
    [
        ({"Key": SESSION}, ["S#7"]),
        ({"Item": KEY}, ["KEY#0"]),
        ({"RequestItems": {"t": {"Keys": [SESSION, KEY]}}}, ["S#7", "KEY#0"]),
        (
            {
                "RequestItems": {
                    "t": [
                        {"PutRequest": {"Item": SESSION}},
                        {"DeleteRequest": {"Key": KEY}},
                    ]
                }
            },
            ["S#7", "KEY#0"],
        ),
        (
            {"TransactItems": [{"Put": {"Item": SESSION}}, {"Get": {"Key": KEY}}]},
            ["S#7", "KEY#0"],
        ),
        (
            {
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :a AND :b",
                "ExpressionAttributeValues": {
                    ":a": {"S": "A"},
                    ":b": {"S": "B"},
                    ":pk": {"S": "S#7"},
                },
            },
            ["S#7"],
        ),
        ({"TableName": "t"}, []),
    ],
)
def test_leading_keys_are_those_that_a_request_names(
    request_of: dict[str, Any], keys: list[str]
) -> None:
    assert leading_keys(json.dumps(request_of).encode()) == keys


@pytest.mark.parametrize("body", [b"", b"[]", b"{"])
def test_what_is_no_request_names_no_keys(body: bytes) -> None:
    assert leading_keys(body) == []
    assert with_leading_keys(lambda _: {"a": 1})(body) == {"a": 1}


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        ("sqs:ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("sqs:SendMessage", "sqs:SendMessage"),
        ("dynamodb:BatchGetItem", "dynamodb:BatchGetItem"),
        (None, None),
    ],
)
def test_a_batch_needs_what_its_entries_need(
    action: str | None, needed: str | None
) -> None:
    assert without_batches(lambda *_: action)("sqs", "POST") == needed


def test_a_secret_is_known_by_its_arn_from_its_making_to_its_end() -> None:
    seen: list[Any] = []

    def work(*arguments: Any, **more: Any) -> tuple[str, dict[str, str]]:
        seen.append((arguments, more))
        return "a-name", {"Arn": "an-arn"}

    handlers = named_by_arn(
        {"create": work, "update": work, "delete": work, "update_with_logical_id": 1},
        {"an-arn": "a-name"}.__getitem__,
    )

    assert handlers["create"]("Secret", {})[0] == "an-arn"
    assert handlers["update"]("an-arn", {}, {}, "stack", logical_id="S")[0] == "an-arn"
    handlers["delete"]("an-arn", {})
    assert seen[1:] == [
        (("a-name", {}, {}, "stack"), {"logical_id": "S"}),
        (("a-name", {}), {}),
    ]
    assert handlers["update_with_logical_id"] == 1
