"""Sum up the request units that a DynamoDB client consumes, indexes included.

The embedded AWS counts a query as one item and does not count what a batch takes. So
reads are worked out from the items that came back, and refused writes from the item
that was there. What a write takes is what DynamoDB says: the answer does not show the
item before; a test holds the embedded AWS to the same arithmetic (`capacity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofs.units import capacity

READS = frozenset({"GetItem", "Query", "BatchGetItem"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})

REFUSED = "ConditionalCheckFailedException"
REFUSED_TRANSACTION = "TransactionCanceledException"

# With these what came back is less than what was read.
HIDING = ("FilterExpression", "ProjectionExpression", "AttributesToGet", "Select")


class UnmeteredError(Exception):
    """What a request takes cannot be told from its answer."""


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

    def add(self, other: Units) -> None:
        """Add to these."""
        self.read += other.read
        self.write += other.write
        self.requests += other.requests


class Meter:
    """Count every answer that *client* gets, in *total* and while `measuring`."""

    def __init__(self, client: Any) -> None:
        self.total = Units()
        self._measured: list[Units] = []
        events = client.meta.events
        events.register("provide-client-params.dynamodb", _ask)
        events.register("after-call.dynamodb", self._count)

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
        if model.name not in READS | WRITES and not self._measured:
            return
        units = units_of(model.name, context.get("metered", {}), parsed)
        for each in (self.total, *self._measured):
            each.add(units)


def asking(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request that asks for what it takes to count its units."""
    if operation in READS:
        return dict(request)
    asked = {**request, "ReturnConsumedCapacity": "INDEXES"}
    if operation != "TransactWriteItems" and "ConditionExpression" in request:
        asked["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return asked


def units_of(
    operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]
) -> Units:
    """Return the units of a request, which `asking` made, by its answer or error.

    Raises UnmeteredError where the answer does not tell them.
    """
    if operation in READS:
        return Units(read=_read(operation, request, answer), requests=1)
    if operation in WRITES:
        return Units(write=_written(answer), requests=1)
    raise UnmeteredError(operation)


def _read(
    operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]
) -> float:
    if any(name in request for name in HIDING):
        raise UnmeteredError(f"{operation} with one of {HIDING}")
    if "Error" in answer:
        return 0
    consistent = request.get("ConsistentRead", False)
    if operation == "Query":
        sizes = map(capacity.item_size, answer["Items"])
        return capacity.query_units(sizes, consistent=consistent)
    if operation == "GetItem":
        size = capacity.item_size(answer.get("Item", {}))
        return capacity.read_units([size], consistent=consistent)
    return sum(
        _read_of_table(name, asked, answer)
        for name, asked in request["RequestItems"].items()
    )


def _read_of_table(
    name: str, asked: Mapping[str, Any], answer: Mapping[str, Any]
) -> float:
    """Count the items of a batch and the keys under which there is none."""
    if any(hiding in asked for hiding in HIDING):
        raise UnmeteredError(f"BatchGetItem with one of {HIDING}")
    found = [capacity.item_size(item) for item in answer["Responses"].get(name, [])]
    left = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
    missing = len(asked["Keys"]) - len(left) - len(found)
    consistent = asked.get("ConsistentRead", False)
    return capacity.read_units(found + [0] * missing, consistent=consistent)


def _written(answer: Mapping[str, Any]) -> float:
    code = answer.get("Error", {}).get("Code")
    if code == REFUSED:
        return capacity.refused_write_units(_size_of_existing(answer))
    if code == REFUSED_TRANSACTION:
        return sum(
            capacity.refused_write_units(_size_of_existing(reason), transactional=True)
            for reason in answer["CancellationReasons"]
        )
    if code:
        return 0
    consumed = answer["ConsumedCapacity"]
    each = consumed if isinstance(consumed, list) else [consumed]
    return float(sum(part["CapacityUnits"] for part in each))


def _size_of_existing(refusal: Mapping[str, Any]) -> int:
    return capacity.item_size(refusal.get("Item", {}))


def _ask(
    params: dict[str, Any], model: Any, context: Any, **_: Any
) -> dict[str, Any] | None:
    if model.name not in READS | WRITES:
        return None
    context["metered"] = asking(model.name, params)
    return dict(context["metered"])
