"""Read a session and its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.problems import SessionNotFoundError
from masking.domain import sessions
from masking.domain.sessions import Session
from masking.domain.timeline import Timeline
from masking.storage.timelines import timeline_of

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class GetSession:
    """Reads sessions."""

    stores: Stores
    now: Clock

    def get(self, session_uuid: str, *, tenant_id: str) -> tuple[Session, Timeline]:
        """Return a tenant's session and its timeline. Raises SessionNotFoundError."""
        whole = self.stores.sessions.load_whole(session_uuid)
        now = self.now()
        if whole is None or not sessions.is_shown_to(tenant_id, whole.session, now):
            raise SessionNotFoundError
        return whole.session, timeline_of(whole.callbacks, whole.session)
