"""Read a session and its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.problems import SessionNotFoundError
from masking.domain import sessions

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.storage.histories import CallsRead
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class GetSession:
    """Reads sessions."""

    stores: Stores
    now: Clock

    def get(
        self, session_uuid: str, *, tenant_id: str, until: datetime | None = None
    ) -> CallsRead:
        """Return a tenant's session and its calls; of a long one, the newest.

        With *until* it is those before that time. Raises SessionNotFoundError.
        """
        found = self.stores.histories.calls(session_uuid, until)
        now = self.now()
        if found is None or not sessions.is_shown_to(tenant_id, found.session, now):
            raise SessionNotFoundError
        return found
