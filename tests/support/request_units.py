"""A client of DynamoDB that adds up its request units, and what indexes hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from proofs.units.meter import READS, WRITES, asking, units_of
from stack.aws.package import read_template
from stack.environments import ROOT


def index_keys() -> list[tuple[list[str], list[str] | None]]:
    """Return the keys of each index of the template's table, and what is in it."""
    table = read_template(ROOT / "template.yaml")["Resources"]["Table"]["Properties"]
    own = [each["AttributeName"] for each in table["KeySchema"]]
    found: list[tuple[list[str], list[str] | None]] = []
    for index in table["GlobalSecondaryIndexes"]:
        keys = [each["AttributeName"] for each in index["KeySchema"]]
        projection = index["Projection"]
        more = projection.get("NonKeyAttributes", [])
        whole = projection["ProjectionType"] == "ALL"
        found.append((keys, None if whole else own + keys + more))
    return found


class Meter:
    """A client of DynamoDB that adds up what its requests cost, indexes included."""

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
        operation = self._client.meta.method_to_api_mapping.get(name)
        if operation not in READS | WRITES:
            return method

        def metered(**params: Any) -> Any:
            request = asking(operation, params)
            try:
                answer = method(**request)
            except ClientError as error:
                self._add(operation, request, error.response)
                raise
            self._add(operation, request, answer)
            return answer

        return metered

    def _add(self, operation: str, request: Any, answer: Any) -> None:
        units = units_of(operation, request, answer)
        if operation in WRITES:
            self.writes.append(units.write)
        self.read += units.read
