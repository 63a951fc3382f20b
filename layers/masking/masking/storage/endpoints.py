"""Servers of apps: how often in a row each has failed, and until when it is paused.

One write for each failure; nothing for a server that answers.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from masking.core.key_space import PAUSE, Item
from masking.core.times import stamp
from masking.storage.table import ConditionFailedError, Table

# How long it is kept that an app's server failed.
ENDPOINT_SECONDS = 7 * 86_400

# `until` is a reserved word of DynamoDB's.
UNTIL = {"#until": "until"}


class EndpointStore:
    """The failures of apps' servers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, endpoint: str) -> Item | None:
        """Read an app's server's failures; None if it has not failed lately."""
        return self._table.get(endpoint, PAUSE, consistent=False)

    def count_failure(self, endpoint: str, now: datetime) -> Item:
        """Count one more failure in a row; return the server's failures."""
        return self._table.update(
            (endpoint, PAUSE),
            "ADD failures :one SET purge_at = :purge_at",
            {":one": 1, ":purge_at": int(now.timestamp()) + ENDPOINT_SECONDS},
            returns="ALL_NEW",
        )

    def put_pause(self, endpoint: str, until: datetime, pauses: int) -> None:
        """Pause an endpoint for the *pauses*-th time, unless somebody just did."""
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
