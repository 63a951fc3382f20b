"""Due work: sessions whose next action has come, and reconciliation runs.

| access                  | request units               |
|-------------------------|-----------------------------|
| due work, nothing due   | 0.5 read for each shard     |
| a reconciliation run    | 2 write                     |
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from masking.core.key_space import (
    END,
    RECONCILIATION,
    STATE,
    Item,
    owner_of,
    reconciliation_key,
    session_key,
)
from masking.core.times import stamp
from masking.storage.table import ConditionFailedError, Table, written_item


@dataclass(frozen=True)
class Due:
    """A session whose next action is due, as the index says (which may be stale).

    *beside* says that it stands beside another action that is due.
    """

    session_uuid: str
    due_at: str
    beside: bool = False


class DueWorkStore:
    """The sparse index of what sessions next need done, and who works on it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_due(
        self, shard: str, now: datetime, after: Due | None = None
    ) -> Iterator[Due]:
        """List the sessions of a shard that are due, oldest first.

        Begins behind the place of *after*, whether or not it is still there.
        """
        for item in self._table.query(
            IndexName="duties",
            KeyConditionExpression="duty_shard = :shard AND duty_at <= :now",
            ExpressionAttributeValues=written_item(
                {":shard": shard, ":now": stamp(now)}
            ),
            **_behind(shard, after),
        ):
            yield Due(owner_of(item), item["duty_at"], beside=item["sk"] == END)

    def drop(self, due: Due, purge_at: int) -> None:
        """Take what stands beside out of the index, unless it has been written anew.

        The item is left to be purged at *purge_at*, in seconds since 1970: the sweep
        deletes nothing.
        """
        with suppress(ConditionFailedError):
            self._table.put(
                {"pk": session_key(due.session_uuid), "sk": END, "purge_at": purge_at},
                "duty_at = :seen",
                {":seen": due.due_at},
            )

    def begin_run(self, name: str, now: datetime, until: datetime) -> Item | None:
        """Take the lease of a run; return where the last one stopped.

        None if somebody has the lease.
        """
        try:
            return self._table.update(
                (reconciliation_key(name), RECONCILIATION),
                "SET lease_until = :until",
                {":until": stamp(until), ":now": stamp(now)},
                "attribute_not_exists(lease_until) OR lease_until <= :now",
                returns="ALL_OLD",
            )
        except ConditionFailedError:
            return None

    def end_run(self, name: str, until: datetime, stopped: Item) -> None:
        """Return the lease and keep where the run *stopped*."""
        with suppress(ConditionFailedError):
            self._table.put(
                {**stopped, "pk": reconciliation_key(name), "sk": RECONCILIATION},
                "lease_until = :until",
                {":until": stamp(until)},
            )


def _behind(shard: str, due: Due | None) -> dict[str, Any]:
    if due is None:
        return {}
    place = {
        "pk": session_key(due.session_uuid),
        "sk": STATE,
        "duty_shard": shard,
        "duty_at": due.due_at,
    }
    return {"ExclusiveStartKey": written_item(place)}
