"""A meter of DynamoDB's request units, indexes included."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

REFUSED = "ConditionalCheckFailedException"
WRITES = frozenset({"put_item", "update_item", "delete_item"})
READS = frozenset({"get_item", "query", "batch_get_item"})


class Meter:
    """A client of DynamoDB that adds up what its requests cost."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.writes: list[float] = []
        self.read = 0.0

    @property
    def written(self) -> float:
        """Return the write units of all writes together."""
        return sum(self.writes)

    def reset(self) -> None:
        """Begin anew."""
        self.writes.clear()
        self.read = 0.0

    def of(self, work: Callable[[], object]) -> tuple[float, float]:
        """Do *work*; return the write and read units that it took."""
        self.reset()
        work()
        return self.written, self.read

    def __getattr__(self, name: str) -> Any:
        """Return the client's method, metered."""
        method = getattr(self._client, name)
        if name not in WRITES | READS:
            return method

        def metered(**request: Any) -> Any:
            request["ReturnConsumedCapacity"] = "INDEXES"
            try:
                answer = method(**request)
            except ClientError as error:
                # A refused put costs what it would have cost.
                if error.response["Error"]["Code"] == REFUSED and "Item" in request:
                    self.writes.append(math.ceil(_size_of(request["Item"]) / 1024))
                raise
            # The embedded AWS does not say what a batch takes.
            used = answer.get("ConsumedCapacity", [])
            units = [used] if isinstance(used, dict) else used
            total = sum(each["CapacityUnits"] for each in units)
            if name in WRITES:
                self.writes.append(total)
            else:
                self.read += total
            return answer

        return metered


def _size_of(item: dict[str, Any]) -> int:
    """Return the bytes of an item as DynamoDB counts them: names and values."""
    size = 0
    for name, value in item.items():
        [(kind, content)] = value.items()
        inner = _size_of(content) + 3 if kind == "M" else len(str(content).encode())
        size += len(name.encode()) + inner
    return size
