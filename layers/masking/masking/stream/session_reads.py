"""Read each session of a batch of stream records once."""

from __future__ import annotations

from masking.storage.sessions import SessionStore, Whole


class SessionReads:
    """Sessions with their callbacks, as they were when the batch first asked."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions
        self._read: dict[str, Whole | None] = {}

    def whole(self, session_uuid: str) -> Whole | None:
        """Return a session with its callbacks; None if it is not kept any more."""
        if session_uuid not in self._read:
            self._read[session_uuid] = self._sessions.load_whole(session_uuid)
        return self._read[session_uuid]
