"""Which session has a PIN at a virtual number.

| access                | request units |
|-----------------------|---------------|
| take a PIN            | 1 write       |
| read whose it is      | 1 read        |
"""

from __future__ import annotations

from datetime import datetime

from masking.core.key_space import PIN
from masking.storage.table import IS_NEW, ConditionFailedError, Table

IS_STILL_OF = "session_uuid = :seen"


class PinStore:
    """Claims of PINs, by a keyed hash of virtual number and PIN."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(
        self, pk: str, session_uuid: str, ends: datetime, *, seen: str | None = None
    ) -> bool:
        """Claim a PIN that is nobody's, or *seen*'s; False if it is another's."""
        item = {
            "pk": pk,
            "sk": PIN,
            "session_uuid": session_uuid,
            "purge_at": self._table.purge_at(ends),
        }
        condition = IS_STILL_OF if seen else IS_NEW
        try:
            self._table.put(item, condition, {":seen": seen} if seen else None)
        except ConditionFailedError:
            return False
        return True

    def holder(self, pk: str) -> str | None:
        """Return the session that has a PIN."""
        item = self._table.get(pk, PIN)
        return str(item["session_uuid"]) if item else None
