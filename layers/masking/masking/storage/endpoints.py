"""Servers of apps: how often in a row each has failed, and until when it is paused.

One write for each failure; nothing for a server that answers. Beside them, which
tenants' deliveries are slow, and who holds the lanes that these share (see
`webhooks/shares.py`): a write when a tenant becomes slow, two for each turn in a lane.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from masking.core.key_space import LANE, PAUSE, SLOW, Item, lane_key, slow_key
from masking.core.times import parse_stamp, stamp
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

    def slow_until(self, tenant_id: str) -> datetime | None:
        """Return until when a tenant's deliveries count as slow; None if never."""
        item = self._table.get(slow_key(tenant_id), SLOW, consistent=False)
        return parse_stamp(item["until"]) if item else None

    def put_slow(self, tenant_id: str, until: datetime) -> None:
        """Let a tenant's deliveries count as slow until then."""
        self._table.update(
            (slow_key(tenant_id), SLOW),
            "SET #until = :until, purge_at = :purge_at",
            {":until": stamp(until), ":purge_at": int(until.timestamp())},
            names=UNTIL,
        )

    def take_lane(self, lane: int, holder: str, now: datetime, until: datetime) -> bool:
        """Take a lane for *holder* if nobody has it; return whether it was free."""
        try:
            self._table.update(
                (lane_key(lane), LANE),
                "SET #until = :until, holder = :holder",
                {":until": stamp(until), ":holder": holder, ":now": stamp(now)},
                "attribute_not_exists(#until) OR #until <= :now",
                names=UNTIL,
            )
        except ConditionFailedError:
            return False
        return True

    def leave_lane(self, lane: int, holder: str, now: datetime) -> None:
        """Let others have a lane, unless they have it already."""
        with suppress(ConditionFailedError):
            self._table.update(
                (lane_key(lane), LANE),
                "SET #until = :now",
                {":now": stamp(now), ":holder": holder},
                "holder = :holder",
                names=UNTIL,
            )
