"""Requests to DynamoDB about the items of one table, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from masking.core.key_space import Item
from masking.storage.attributes import read_item, written_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# The limit of one BatchGetItem.
MOST_KEYS = 100

IS_THERE = "attribute_exists(pk)"
IS_NEW = "attribute_not_exists(pk)"
IS_UNCHANGED = "version = :seen"

Key = tuple[str, str]


class ConditionFailedError(Exception):
    """The item is not in the state that the write asked for."""


class Store:
    """Items of the table *name*; *retention* is how long they are kept by default."""

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        retention: timedelta = timedelta(days=400),
    ) -> None:
        self._client = client
        self._name = name
        self._retention = retention

    def load_items(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read items by their keys, consistently, 100 in one request."""
        found: dict[Key, Item] = {}
        left: list[Any] = [written_item({"pk": pk, "sk": sk}) for pk, sk in keys]
        while left:
            answer = self._client.batch_get_item(
                RequestItems={
                    self._name: {"Keys": left[:MOST_KEYS], "ConsistentRead": True}
                }
            )
            for item in map(read_item, answer["Responses"].get(self._name, [])):
                found[item["pk"], item["sk"]] = item
            again = answer["UnprocessedKeys"].get(self._name)
            left = left[MOST_KEYS:] + (list(again["Keys"]) if again else [])
        return found

    def _get(self, pk: str, sk: str, *, consistent: bool = True) -> Item | None:
        answer = self._client.get_item(
            TableName=self._name,
            Key=written_item({"pk": pk, "sk": sk}),
            ConsistentRead=consistent,
        )
        item = answer.get("Item")
        return read_item(item) if item else None

    def _parts(self, pk: str, part: str, *, consistent: bool = True) -> list[Item]:
        """Read the items of a partition whose sort key begins with *part*."""
        return list(
            self._query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written_item({":pk": pk, ":part": part}),
                ConsistentRead=consistent,
            )
        )

    def _query(self, **request: Any) -> Iterator[Item]:
        while True:
            answer = self._client.query(TableName=self._name, **request)
            for item in answer["Items"]:
                yield read_item(item)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put(
        self, item: Item, condition: str | None = None, values: Item | None = None
    ) -> None:
        """Write an item. Raises ConditionFailedError."""
        request: dict[str, Any] = {}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = written_item(values)
        try:
            self._client.put_item(
                TableName=self._name, Item=written_item(item), **request
            )
        except ClientError as error:
            raise _named(error) from None

    def _update(
        self,
        key: Key,
        expression: str,
        values: Item,
        condition: str | None = None,
        *,
        names: Mapping[str, str] | None = None,
        gives: str = "NONE",
    ) -> Item:
        """Change an item; *gives* is DynamoDB's `ReturnValues`.

        Raises ConditionFailedError.
        """
        request: dict[str, Any] = {}
        if condition:
            request["ConditionExpression"] = condition
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=written_item({"pk": key[0], "sk": key[1]}),
                UpdateExpression=expression,
                ExpressionAttributeValues=written_item(values),
                ReturnValues=gives,  # type: ignore[arg-type]  # one of its literals
                **request,
            )
        except ClientError as error:
            raise _named(error) from None
        return read_item(answer.get("Attributes", {}))

    def _purge_at(self, ends: datetime, days: int | None = None) -> int:
        """Say when what ends then is purged, in seconds since 1970."""
        kept = self._retention if days is None else timedelta(days=days)
        return int((ends + kept).timestamp())


def _named(error: ClientError) -> Exception:
    """Give a failed condition a name of its own."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return ConditionFailedError()
    return error
