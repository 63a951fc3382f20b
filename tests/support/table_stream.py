"""The stream of a test's table, read as Lambda reads it."""

from __future__ import annotations

from typing import Any

from tests.support.embedded_aws import Deployment, EmbeddedAws, read_on, start_of_stream


class TableStream:
    """What was written since the last look, as records of the table's stream."""

    def __init__(self, aws: EmbeddedAws, deployment: Deployment) -> None:
        self._aws = aws
        self._table_name = deployment.table_name
        self._place = ""

    def new(self) -> list[dict[str, Any]]:
        """Return the records that have not been returned yet, in order."""
        place = self._place or start_of_stream(self._aws, self._table_name)
        fresh, self._place = read_on(self._aws, place)
        return fresh
