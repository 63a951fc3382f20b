"""The stack enforces the roles of its functions, partitions of the table too."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stack.aws.clients import REGION
from stack.running import RunningStack

SESSION = {"pk": {"S": "S#7"}, "sk": {"S": "A#STATE"}}
KEY = {"pk": {"S": "KEY#0"}, "sk": {"S": "KEY"}}


def _as_function(stack: RunningStack, folder: str, service: str) -> Any:
    """Return a client with the permissions of a function's role."""
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
    table = stack.aws.client("dynamodb").describe_table(TableName=outputs["TableName"])
    shard = {
        "StreamArn": table["Table"]["LatestStreamArn"],
        "ShardId": "shardId-00000000000000000000-00000000",
    }
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
        ("get_session", "dynamodbstreams"): lambda client: client.get_shard_iterator(
            **shard, ShardIteratorType="LATEST"
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
