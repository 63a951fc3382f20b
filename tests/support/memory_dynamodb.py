"""DynamoDB in memory, as far as sessions need it; answers can be lost on the way.

`tests/handlers/test_memory_dynamodb.py` holds it to what the embedded AWS does.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError

from proofs.units import capacity

# The largest item, in bytes.
LARGEST = 400 * 1024

Item = dict[str, Any]
Key = tuple[str, str]

TOKEN = re.compile(r"\(|\)|,|<>|<=|>=|=|<|>|:?\w+")


class MemoryDynamoDb:
    """A client of DynamoDB with one table; *records* is its stream.

    As many conditional writes as *lost* lose their answer, and are sent again.
    """

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.records: list[dict[str, Any]] = []
        self.lost = 0
        self._shards: dict[str, set[Key]] = defaultdict(set)
        # Of each partition its sort keys, in order.
        self._partitions: dict[str, list[str]] = defaultdict(list)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write an item."""
        item = request["Item"]
        self._write(_key_of(item), request, lambda _: item)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Change an item by SET and REMOVE."""
        values = request["ExpressionAttributeValues"]
        key = request["Key"]

        def change(before: Item) -> Item:
            after = {**key, **before}
            for verb, clause in _clauses(request["UpdateExpression"]):
                for part in clause.split(","):
                    name, _, value = (each.strip() for each in part.partition("="))
                    after.pop(name, None)
                    if verb == "SET":
                        after[name] = values[value]
            return after

        before = self._write(_key_of(key), request, change)
        returned = {
            "ALL_OLD": before,
            "ALL_NEW": self.items[_key_of(key)],
        }.get(request.get("ReturnValues", "NONE"))
        return {"Attributes": dict(returned)} if returned else {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read an item."""
        item = self.items.get(_key_of(request["Key"]))
        return {"Item": dict(item)} if item else {}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Delete an item."""
        self._set(_key_of(request["Key"]), None)
        return {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read several items."""
        [(name, wanted)] = request["RequestItems"].items()
        keys = [_key_of(key) for key in wanted["Keys"]]
        assert len(set(keys)) == len(keys), "a key comes twice"
        found = [dict(self.items[key]) for key in keys if key in self.items]
        return {"Responses": {name: found}, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        """Read a partition, or a shard of index `duties`, in order."""
        values = request["ExpressionAttributeValues"]
        if "IndexName" in request:
            at = values[":now"]["S"]
            shard = self._shards[values[":shard"]["S"]]
            due = [self.items[key] for key in shard]
            due = [item for item in due if item["duty_at"]["S"] <= at]
            names = ("pk", "sk", "duty_shard", "duty_at")
            due.sort(key=lambda item: item["duty_at"]["S"])
            return {"Items": [{name: item[name] for name in names} for item in due]}
        pk = values[":pk"]["S"]
        sks = self._partitions[pk]
        if ":part" in values:
            part = values[":part"]["S"]
            sks = sks[bisect_left(sks, part) :]
            sks = list(takewhile(lambda sk: sk.startswith(part), sks))
        elif ":first" in values:
            first, last = values[":first"]["S"], values[":last"]["S"]
            sks = sks[bisect_left(sks, first) : bisect_right(sks, last)]
        return self._page_of(pk, sks, request)

    def _page_of(
        self, pk: str, sks: list[str], request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return a query's page of items by their sort keys, in ascending order."""
        if not request.get("ScanIndexForward", True):
            sks = sks[::-1]
        if "ExclusiveStartKey" in request:
            sks = sks[sks.index(request["ExclusiveStartKey"]["sk"]["S"]) + 1 :]
        most = request.get("Limit", len(sks))
        found = [dict(self.items[pk, sk]) for sk in sks[:most]]
        page: dict[str, Any] = {"Items": found}
        # DynamoDB looks no further than the limit, and says so even at the end.
        if found and len(sks) >= most and "Limit" in request:
            page["LastEvaluatedKey"] = {name: found[-1][name] for name in ("pk", "sk")}
        return page

    def _write(self, key: Key, request: Mapping[str, Any], change: Any) -> Item:
        condition = request.get("ConditionExpression")
        values = request.get("ExpressionAttributeValues", {})
        before = self.items.get(key, {})
        for _ in range(2):
            stored = self.items.get(key, {})
            if condition and not _Condition(condition, stored, values).holds():
                raise _failed(stored, request)
            changed = change(stored)
            if capacity.item_size(changed) > LARGEST:
                raise _too_large()
            self._set(key, changed)
            if not (condition and self.lost):
                break
            self.lost -= 1
        return before

    def _set(self, key: Key, item: Item | None) -> None:
        before = self.items.pop(key, {})
        pk, sk = key
        sks = self._partitions[pk]
        if "duty_shard" in before:
            self._shards[before["duty_shard"]["S"]].discard(key)
        change: dict[str, Any] = {
            "Keys": {"pk": {"S": key[0]}, "sk": {"S": key[1]}},
            "OldImage": before,
        }
        if item is not None:
            self.items[key] = change["NewImage"] = dict(item)
            if not before:
                insort(sks, sk)
            if "duty_shard" in item:
                self._shards[item["duty_shard"]["S"]].add(key)
        elif before:
            del sks[bisect_left(sks, sk)]
        self.records.append({"dynamodb": change})

    def take_records(self) -> list[dict[str, Any]]:
        """Take what is in the stream."""
        taken, self.records = self.records, []
        return taken


class _Condition:
    """Decide a condition: comparisons and functions with AND, OR and brackets."""

    def __init__(self, text: str, item: Item, values: Item) -> None:
        self._tokens = TOKEN.findall(text)
        self._item = item
        self._values = values

    def holds(self) -> bool:
        """Return whether it does."""
        held = self._any()
        assert not self._tokens, f"not understood: {self._tokens}"
        return held

    def _any(self) -> bool:
        held = self._all()
        while self._next_is("OR"):
            held = self._all() or held
        return held

    def _all(self) -> bool:
        held = self._one()
        while self._next_is("AND"):
            held = self._one() and held
        return held

    def _one(self) -> bool:
        token = self._tokens.pop(0)
        if token == "(":
            held = self._any()
            self._tokens.pop(0)
            return held
        if token in ("attribute_exists", "attribute_not_exists"):
            _, name, _ = (self._tokens.pop(0) for _ in range(3))
            return (name in self._item) is (token == "attribute_exists")
        operator, value = self._tokens.pop(0), self._tokens.pop(0)
        has, wanted = self._item.get(token), self._values[value]
        match operator:
            case "=":
                return bool(has == wanted)
            case "<>":
                return bool(has != wanted)
            case "<=":
                return has is not None and _plain(has) <= _plain(wanted)
            case "<":
                return has is not None and _plain(has) < _plain(wanted)
        raise AssertionError(operator)

    def _next_is(self, word: str) -> bool:
        if self._tokens[:1] != [word]:
            return False
        self._tokens.pop(0)
        return True


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "N" else content


def _key_of(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _clauses(expression: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"\b(SET|REMOVE)\b", expression)[1:]
    return zip(parts[::2], parts[1::2], strict=True)


def _too_large() -> ClientError:
    text = "Item size has exceeded the maximum allowed size"
    response: Any = {"Error": {"Code": "ValidationException", "Message": text}}
    return ClientError(response, "PutItem")


def _failed(stored: Item, request: Mapping[str, Any]) -> ClientError:
    response: Any = {
        "Error": {"Code": "ConditionalCheckFailedException", "Message": "made up"}
    }
    if stored and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        response["Item"] = dict(stored)
    return ClientError(response, "PutItem")
