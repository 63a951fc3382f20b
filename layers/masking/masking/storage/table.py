"""Read and write the items of the DynamoDB table, whatever is in them.

Each store holds a `Table` and knows the items of one kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from masking.core.key_space import Item

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


class Table:
    """The table *name*; *retention* is how long items are kept after their end."""

    def __init__(self, client: DynamoDBClient, name: str, retention: timedelta) -> None:
        self.client = client
        self.name = name
        self._retention = retention

    def get_all(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read items by their keys, consistently, 100 in one request."""
        found: dict[Key, Item] = {}
        left: list[Any] = [written_item({"pk": pk, "sk": sk}) for pk, sk in keys]
        while left:
            answer = self.client.batch_get_item(
                RequestItems={
                    self.name: {"Keys": left[:MOST_KEYS], "ConsistentRead": True}
                }
            )
            for item in map(read_item, answer["Responses"].get(self.name, [])):
                found[item["pk"], item["sk"]] = item
            again = answer["UnprocessedKeys"].get(self.name)
            left = left[MOST_KEYS:] + (list(again["Keys"]) if again else [])
        return found

    def get(self, pk: str, sk: str, *, consistent: bool = True) -> Item | None:
        answer = self.client.get_item(
            TableName=self.name,
            Key=written_item({"pk": pk, "sk": sk}),
            ConsistentRead=consistent,
        )
        item = answer.get("Item")
        return read_item(item) if item else None

    def parts(self, pk: str, part: str, *, consistent: bool = True) -> list[Item]:
        """Read the items of a partition whose sort key begins with *part*."""
        return list(
            self.query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written_item({":pk": pk, ":part": part}),
                ConsistentRead=consistent,
            )
        )

    def query(self, **request: Any) -> Iterator[Item]:
        while True:
            answer = self.client.query(TableName=self.name, **request)
            for item in answer["Items"]:
                yield read_item(item)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(
        self, item: Item, condition: str | None = None, values: Item | None = None
    ) -> None:
        """Write an item. Raises ConditionFailedError."""
        request: dict[str, Any] = {}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = written_item(values)
        try:
            self.client.put_item(
                TableName=self.name, Item=written_item(item), **request
            )
        except ClientError as error:
            raise _named(error) from None

    def update(
        self,
        key: Key,
        expression: str,
        values: Item,
        condition: str | None = None,
        *,
        names: Mapping[str, str] | None = None,
        returns: str = "NONE",
    ) -> Item:
        """Change an item; *returns* is DynamoDB's `ReturnValues`.

        Raises ConditionFailedError.
        """
        request: dict[str, Any] = {}
        if condition:
            request["ConditionExpression"] = condition
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        try:
            answer = self.client.update_item(
                TableName=self.name,
                Key=written_item({"pk": key[0], "sk": key[1]}),
                UpdateExpression=expression,
                ExpressionAttributeValues=written_item(values),
                ReturnValues=returns,  # type: ignore[arg-type]  # one of its literals
                **request,
            )
        except ClientError as error:
            raise _named(error) from None
        return read_item(answer.get("Attributes", {}))

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item; one that is gone already is a success."""
        self.client.delete_item(
            TableName=self.name, Key=written_item({"pk": pk, "sk": sk})
        )

    def stream_image(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Read an item in the form in which the stream has it; None if it is gone."""
        answer = self.client.get_item(
            TableName=self.name,
            Key=written_item({"pk": pk, "sk": sk}),
            ConsistentRead=True,
        )
        return dict(answer["Item"]) if "Item" in answer else None

    def purge_at(self, ends: datetime, days: int | None = None) -> int:
        """Return when what *ends* then is purged, in seconds since 1970."""
        kept = self._retention if days is None else timedelta(days=days)
        return int((ends + kept).timestamp())


def _named(error: ClientError) -> Exception:
    """Translate a failed condition; return every other error as it is."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return ConditionFailedError()
    return error


def read_item(item: Mapping[str, Any]) -> Item:
    """Convert an item from DynamoDB's form to plain values; whole numbers are int."""
    deserialize = TypeDeserializer().deserialize
    return {name: _plain(deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, dict):
        return {name: _plain(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_plain(content) for content in value]
    return value


def written_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Convert plain values to DynamoDB's form."""
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}
