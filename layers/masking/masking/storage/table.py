"""Read and write the items of the DynamoDB table, whatever is in them.

Each store holds a `Table` and knows the items of one kind.

The SDK sends a request again whose answer it lost. A conditional write that had been
carried out then fails its own condition, or, where it counts, is carried out twice. So
each conditional write and each count leaves a token of its own in the item: whoever
finds it there knows the write for its own.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from masking.core.key_space import Item
from masking.storage import attribute_values

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The limit of one BatchGetItem.
MOST_KEYS = 100

# Seconds to wait before keys are asked for again that a batch left out; then it fails.
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

# The attribute that holds the token of an item's last conditional write or count.
MARK = "w"
MARK_BYTES = 9
IS_NOT_OURS = f"(attribute_not_exists({MARK}) OR {MARK} <> :{MARK})"

IS_THERE = "attribute_exists(pk)"
IS_NEW = "attribute_not_exists(pk)"
IS_UNCHANGED = "version = :seen"

# How an item is to be read, and the newest way known here; without it the first.
# A release whose items the one before would misread counts it up: docs/operations.md.
FORMAT = "item_format"
NEWEST_FORMAT = 2

Key = tuple[str, str]


class ConditionFailedError(Exception):
    """The item is not in the state that the write asked for."""


class NewerItemError(Exception):
    """A later release has written the item, and this one would misread it."""


class Table:
    """The table *name*; *retention* is how long items are kept after their end.

    *sleep* waits for seconds.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        retention: timedelta,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.name = name
        self._retention = retention
        self._sleep = sleep

    def get_all(
        self, keys: Sequence[Key], *, consistent: bool = True
    ) -> dict[Key, Item]:
        """Read items by their keys, 100 in one request.

        Keys that an answer leaves out are asked for again after growing pauses. Raises
        ClientError, as for any throttled request, if some are left in the end.
        """
        found: dict[Key, Item] = {}
        left: list[Any] = [written_item({"pk": pk, "sk": sk}) for pk, sk in keys]
        pauses = iter(PAUSES)
        while left:
            answer = self.client.batch_get_item(
                RequestItems={
                    self.name: {
                        "Keys": left[:MOST_KEYS],
                        "ConsistentRead": consistent,
                    }
                }
            )
            for item in map(read_item, answer["Responses"].get(self.name, [])):
                found[item["pk"], item["sk"]] = item
            again = answer["UnprocessedKeys"].get(self.name)
            left = left[MOST_KEYS:] + (list(again["Keys"]) if again else [])
            if again:
                self._sleep(_next_pause(pauses))
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

    def page(self, most: int, **request: Any) -> tuple[list[Item], bool]:
        """Read up to *most* items of a query; return also whether those are all."""
        answer = self.client.query(TableName=self.name, Limit=most, **request)
        items = [read_item(item) for item in answer["Items"]]
        return items, "LastEvaluatedKey" not in answer

    def put(
        self, item: Item, condition: str | None = None, values: Item | None = None
    ) -> None:
        """Write an item. Raises ConditionFailedError."""
        request: dict[str, Any] = {}
        token = None
        if condition:
            token = _new_token()
            item = {**item, MARK: token}
            request["ConditionExpression"] = condition
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if values:
            request["ExpressionAttributeValues"] = written_item(values)
        try:
            self.client.put_item(
                TableName=self.name, Item=written_item(item), **request
            )
        except ClientError as error:
            if _written_by(token, error) is None:
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

        If the answer was lost and the write was ours, the item is returned as it is
        now. Raises ConditionFailedError.
        """
        request: dict[str, Any] = {}
        token = None
        if condition or "ADD " in expression:
            token = _new_token()
            expression = _with_token(expression)
            values = {**values, f":{MARK}": token}
            request["ConditionExpression"] = (
                f"({condition}) AND {IS_NOT_OURS}" if condition else IS_NOT_OURS
            )
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
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
            ours = _written_by(token, error)
            if ours is None:
                raise _named(error) from None
            return ours
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

    def retention(self, days: int | None = None) -> timedelta:
        """Return how long items are kept: *days* if there is a rule of that kind."""
        return self._retention if days is None else timedelta(days=days)

    def purge_at(self, ends: datetime, days: int | None = None) -> int:
        """Return when what *ends* then is purged, in seconds since 1970."""
        return int((ends + self.retention(days)).timestamp())


def between(pk: str, first: str, last: str) -> dict[str, Any]:
    """Return the query for a partition's items between two sort keys, both included."""
    return {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": written_item(
            {":pk": pk, ":first": first, ":last": last}
        ),
        "ConsistentRead": True,
    }


def _new_token() -> str:
    return secrets.token_urlsafe(MARK_BYTES)


def _with_token(expression: str) -> str:
    """Return an update expression that leaves the token as well."""
    setting = f"SET {MARK} = :{MARK}"
    if re.search(r"\bSET ", expression):
        return re.sub(r"\bSET ", f"{setting}, ", expression, count=1)
    return f"{expression} {setting}"


def _written_by(token: str | None, error: ClientError) -> Item | None:
    """Return the item that a failed condition is about, if the write was ours."""
    if token is None or not isinstance(_named(error), ConditionFailedError):
        return None
    response: Any = error.response
    item = read_item(response.get("Item", {}))
    return item if item.get(MARK) == token else None


def _next_pause(pauses: Iterator[float]) -> float:
    for pause in pauses:
        return pause
    code = "ProvisionedThroughputExceededException"
    throttled: Any = {"Error": {"Code": code, "Message": "keys were left out"}}
    raise ClientError(throttled, "BatchGetItem")


def _named(error: ClientError) -> Exception:
    """Translate a failed condition; return every other error as it is."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return ConditionFailedError()
    return error


def read_item(item: Mapping[str, Any]) -> Item:
    """Convert an item from DynamoDB's form to plain values; whole numbers are int.

    Raises NewerItemError.
    """
    plain = {name: attribute_values.read(value) for name, value in item.items()}
    if plain.get(FORMAT, 1) > NEWEST_FORMAT:
        raise NewerItemError(f"format {plain[FORMAT]} is after {NEWEST_FORMAT}")
    return plain


def written_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Convert plain values to DynamoDB's form."""
    return {name: attribute_values.written(value) for name, value in item.items()}
