"""Virtual numbers, which are no parties: those rented, and those that sessions have.

| access                              | request units                 |
|-------------------------------------|-------------------------------|
| keep a number                       | 0.5 read, 1 write in 15 days  |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from masking.core.key_space import NUMBER, pool_key
from masking.storage.table import Table

# A number that is rented no more may be a person's one day.
KEPT = timedelta(days=30)


class VirtualNumberStore:
    """Virtual numbers; `SessionStore.has_virtual_number` looks for one."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, numbers: Iterable[str], at: datetime) -> int:
        """Remember numbers in E.164 that were ours *at* a time, for 30 days.

        Each is written once in 15 days at most; returns how many were.
        """
        keys = [(pool_key(number), NUMBER) for number in dict.fromkeys(numbers)]
        known = self._table.get_all(keys, consistent=False)
        until = int((at + KEPT).timestamp())
        due = until - KEPT.total_seconds() / 2
        stale = [key for key in keys if known.get(key, {}).get("purge_at", 0) < due]
        for pk, sk in stale:
            self._table.put({"pk": pk, "sk": sk, "purge_at": until})
        return len(stale)
