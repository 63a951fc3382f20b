"""Make ministack enforce roles as AWS does; `stack.aws.patches` puts this into it.

- `!Ref` of a secret is its ARN. In ministack it is its name, which fits no policy.
- A batch action of SQS needs the permission of the single action; it has no other.
- `dynamodb:LeadingKeys` holds the partition keys that a request names.
- A stream of DynamoDB's is the resource of a request that reads it. In ministack it is
  `*`, which no policy on a stream allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type of resource
PARTITION_KEY = "pk"
STREAMS = "dynamodbstreams"

Handler = Callable[..., Any]


def leading_keys(body: bytes) -> list[str]:
    """Return the partition keys that a request to DynamoDB names; of an index, its own.

    A query's key is the first value that its key condition compares for equality.
    """
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    if not isinstance(request, dict):
        return []
    items = [item[PARTITION_KEY] for item in _items(request) if PARTITION_KEY in item]
    return [str(value["S"]) for value in [*items, *_queried(request)] if "S" in value]


def _items(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("Key", "Item"):
        if name in request:
            yield request[name]
    for asked in request.get("RequestItems", {}).values():
        if isinstance(asked, dict):
            yield from asked.get("Keys", [])
        else:
            for write in asked:
                for each in write.values():
                    yield from _items(each)
    for each in request.get("TransactItems", []):
        for part in each.values():
            yield from _items(part)


def _queried(request: dict[str, Any]) -> list[dict[str, Any]]:
    match = re.search(r"=\s*(:\w+)", request.get("KeyConditionExpression", ""))
    return [request["ExpressionAttributeValues"][match[1]]] if match else []


def with_leading_keys(context_of: Handler) -> Handler:
    """Add leading keys to the values that a policy's conditions are checked with."""

    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        context: dict[str, Any] = context_of(body)
        keys = leading_keys(body)
        return {**context, "dynamodb:LeadingKeys": keys} if keys else context

    return dynamodb_service_context


def with_streams(
    resource_of: Handler, source_of: Callable[[str], dict[str, Any] | None]
) -> Handler:
    """Add the stream that a request names itself, or by a shard iterator.

    *source_of* decodes an iterator, whose `arn` is its stream's.
    """

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any
    ) -> str:
        stream = _stream_in(body, source_of) if service == STREAMS else None
        return stream or str(resource_of(service, method, path, headers, body, *rest))

    return extract_resource_arn


def _stream_in(
    body: bytes, source_of: Callable[[str], dict[str, Any] | None]
) -> str | None:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    if not isinstance(request, dict):
        return None
    if "ShardIterator" in request:
        return (source_of(str(request["ShardIterator"])) or {}).get("arn")
    return request.get("StreamArn")


def without_batches(action_of: Handler) -> Handler:
    """Return the action that a request needs; of a batch, that of each entry."""

    def extract_iam_action(*arguments: Any, **more: Any) -> str | None:
        action: str | None = action_of(*arguments, **more)
        if action and action.startswith("sqs:"):
            return action.removesuffix("Batch")
        return action

    return extract_iam_action


def named_by_arn(
    handlers: dict[str, Any], name_of: Callable[[str], str]
) -> dict[str, Any]:
    """Return CloudFormation handlers that know a secret by its ARN.

    *name_of* returns the name by which the emulator knows it.
    """

    def create(*arguments: Any) -> tuple[str, Any]:
        _, attributes = handlers["create"](*arguments)
        return attributes["Arn"], attributes

    def update(physical_id: str, *arguments: Any, **more: Any) -> tuple[str, Any]:
        _, attributes = handlers["update"](name_of(physical_id), *arguments, **more)
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: Any) -> Any:
        return handlers["delete"](name_of(physical_id), properties)

    return {**handlers, "create": create, "update": update, "delete": delete}
