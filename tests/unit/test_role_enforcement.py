"""Roles at the embedded AWS: what a request needs, and how a secret is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stack.aws.role_enforcement import (
    leading_keys,
    named_by_arn,
    with_leading_keys,
    with_streams,
    without_batches,
)

SESSION = {"pk": {"S": "S#7"}, "sk": {"S": "A#STATE"}}
KEY = {"pk": {"S": "KEY#0"}, "sk": {"S": "KEY"}}


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
    ("body", "resource"),
    [
        ({"StreamArn": "arn:s", "ShardId": "1"}, "arn:s"),
        ({"ShardIterator": "it"}, "arn:of:it"),
        ({"ShardIterator": "unknown"}, "*"),
        ({"ShardIterator": "bare"}, "*"),
        ({"TableName": "t"}, "*"),
        ([], "*"),
    ],
)
def test_a_stream_is_the_resource_of_what_reads_it(body: Any, resource: str) -> None:
    iterators = {"it": {"arn": "arn:of:it"}, "bare": {"t": "t"}}
    found = with_streams(lambda *_: "*", iterators.get)
    request = json.dumps(body).encode()

    assert found("dynamodbstreams", "POST", "/", {}, request, {}, "", "") == resource
    assert found("dynamodb", "POST", "/", {}, request, {}, "", "") == "*"
    assert found("dynamodbstreams", "POST", "/", {}, b"{", {}, "", "") == "*"


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
