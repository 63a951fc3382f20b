"""Sum up the request units that a DynamoDB client consumes, indexes included.

Writes are what DynamoDB says (`ReturnConsumedCapacity=INDEXES`). Of reads the embedded
AWS knows less than AWS does: a query costs it as much as one item, and a batch nothing.
So reads are counted from what came back, by AWS's rule, where that is more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

READS = frozenset({"GetItem", "Query", "BatchGetItem"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
READ_BYTES = 4_096
EVENTUAL = 0.5


@dataclass
class Units:
    """Read and write units, and how many requests took them."""

    read: float = 0
    write: float = 0
    requests: int = 0

    def __add__(self, other: Units) -> Units:
        """Return the sum."""
        return Units(
            self.read + other.read,
            self.write + other.write,
            self.requests + other.requests,
        )


class Meter:
    """Count every answer that *client* gets into all units being measured."""

    def __init__(self, client: Any) -> None:
        self._measured: list[Units] = []
        events = client.meta.events
        for operation in READS | WRITES:
            events.register(f"before-call.dynamodb.{operation}", _note_consistency)
            events.register(f"after-call.dynamodb.{operation}", self._count)
        for operation in READS | WRITES:
            events.register(
                f"provide-client-params.dynamodb.{operation}", _ask_for_capacity
            )

    @contextmanager
    def measuring(self) -> Iterator[Units]:
        """Count what is consumed while the block runs."""
        units = Units()
        self._measured.append(units)
        try:
            yield units
        finally:
            self._measured.remove(units)

    def _count(
        self, parsed: Mapping[str, Any], model: Any, context: Any, **_: Any
    ) -> None:
        consumed = _consumed(parsed)
        if model.name in READS:
            counted = _read_units(model.name, parsed)
            share = 1 if context["consistent"] else EVENTUAL
            consumed = max(consumed, counted * share)
        for units in self._measured:
            units.requests += 1
            if model.name in READS:
                units.read += consumed
            else:
                units.write += consumed


def size_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the bytes of an item, nearly as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + size_of(content) + len(content)
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "N":
        return 1 + math.ceil(len(content) / 2)
    return len(content.encode() if isinstance(content, str) else content)


def _read_units(operation: str, parsed: Mapping[str, Any]) -> float:
    """Count for a consistent read: a query's items together, others one by one."""
    if operation == "Query":
        total = sum(size_of(item) for item in parsed.get("Items", []))
        return max(1, math.ceil(total / READ_BYTES))
    if operation == "GetItem":
        return max(1, math.ceil(size_of(parsed.get("Item", {})) / READ_BYTES))
    found = [item for each in parsed.get("Responses", {}).values() for item in each]
    return sum(max(1, math.ceil(size_of(item) / READ_BYTES)) for item in found)


def _note_consistency(params: Mapping[str, Any], context: Any, **_: Any) -> None:
    context["consistent"] = json.loads(params["body"]).get("ConsistentRead", False)


def _ask_for_capacity(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "INDEXES"}


def _consumed(parsed: Mapping[str, Any]) -> float:
    code = parsed.get("Error", {}).get("Code")
    if code == "ConditionalCheckFailedException":
        # A refused write costs what it would have cost, but its answer doesn't say so.
        return 1
    consumed = parsed.get("ConsumedCapacity") or []
    each = consumed if isinstance(consumed, list) else [consumed]
    return float(sum(capacity["CapacityUnits"] for capacity in each))
