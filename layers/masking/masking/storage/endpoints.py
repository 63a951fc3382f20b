"""Servers of apps: how often in a row each has failed, and until when it is paused.

One write for each failure; nothing for a server that answers.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from masking.core.key_space import PAUSE, Item
from masking.core.times import stamp
from masking.storage.table import ConditionFailedError, Table

# For how long it is remembered that an app's server failed.
ENDPOINT_SECONDS = 7 * 86_400

# `until` is a reserved word of DynamoDB's.
UNTIL = {"#until": "until"}


class EndpointStore:
    """How the servers of apps fare."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, endpoint: str) -> Item | None:
        """Read how an app's server fares; None if it has not failed lately."""
        return self._table.get(endpoint, PAUSE, consistent=False)

    def count_failure(self, endpoint: str, now: datetime) -> Item:
        """Count one more failure in a row; give how the server fares now."""
        return self._table.update(
            (endpoint, PAUSE),
            "ADD failures :one SET purge_at = :purge_at",
            {":one": 1, ":purge_at": int(now.timestamp()) + ENDPOINT_SECONDS},
            gives="ALL_NEW",
        )

    def put_pause(self, endpoint: str, until: datetime, pauses: int) -> None:
        """Leave an endpoint alone, for the time *pauses*, unless somebody just did."""
        with suppress(ConditionFailedError):
            self._table.update(
                (endpoint, PAUSE),
                "SET #until = :until, pauses = :pauses",
                {":until": stamp(until), ":pauses": pauses},
                "attribute_not_exists(pauses) OR pauses < :pauses",
                names=UNTIL,
            )

    def clear_failures(self, endpoint: str) -> None:
        """Record that an app's server answers again."""
        self._table.update(
            (endpoint, PAUSE),
            "SET failures = :none REMOVE #until, pauses",
            {":none": 0},
            names=UNTIL,
        )
