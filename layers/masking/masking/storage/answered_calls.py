"""Calls that were answered once their session was over, so that each counts once.

| access           | request units |
|------------------|---------------|
| remember a call  | 1 write       |
"""

from __future__ import annotations

from datetime import datetime

from masking.core.key_space import answered_key
from masking.storage.table import IS_NEW, ConditionFailedError, Table

# Plivo asks again within seconds, and a call ends within a day.
KEPT_SECONDS = 86_400


class AnsweredCallStore:
    """What Plivo has asked of calls, by `CallUUID`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, call_uuid: str, what: str, now: datetime) -> bool:
        """Remember what Plivo asks of a call; False if it has asked that before."""
        item = {
            "pk": answered_key(call_uuid),
            "sk": what,
            "purge_at": int(now.timestamp()) + KEPT_SECONDS,
        }
        try:
            self._table.put(item, IS_NEW)
        except ConditionFailedError:
            return False
        return True
