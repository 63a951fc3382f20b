"""List the recordings of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.problems import SessionNotFoundError
from masking.domain import sessions
from masking.domain.recordings import Recording

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class ListRecordings:
    """Lists recordings."""

    stores: Stores
    now: Clock

    def of_session(self, session_uuid: str, *, tenant_id: str) -> list[Recording]:
        """Return the recordings that are kept; they may outlive their session's item.

        Raises SessionNotFoundError.
        """
        found = self.stores.recordings.of_session(session_uuid)
        owners = {recording.tenant_id for recording in found}
        if not found:
            session = self.stores.sessions.load_state(session_uuid)
            hidden = session is None or sessions.is_hidden(session, self.now())
            owners = {session.tenant_id} if session and not hidden else set()
        if owners != {tenant_id}:
            raise SessionNotFoundError
        return found
