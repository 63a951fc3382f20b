"""Read each session of a batch of stream records once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from masking.core.key_space import Item, owner_of
from masking.domain.sessions import Session

if TYPE_CHECKING:
    from masking.storage.session_items import Whole
    from masking.storage.stores import Stores


class SessionReads:
    """Sessions as they were when the batch first asked."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._alone: dict[str, Session | None] = {}
        self._long: dict[str, Session] = {}
        self._read: dict[str, Whole | None] = {}

    def session(self, session_uuid: str) -> Session | None:
        """Return a session with its request; None if it is not kept any more."""
        if session_uuid in self._read:
            whole = self._read[session_uuid]
            return whole.session if whole else None
        if session_uuid not in self._alone:
            self._alone[session_uuid] = self._stores.sessions.load(session_uuid)
        return self._alone[session_uuid]

    def around(self, callback: Item) -> Whole | None:
        """Return a session with the callbacks around one of its own.

        None if it is not kept any more.
        """
        session_uuid = owner_of(callback)
        if session_uuid in self._read:
            return self._read[session_uuid]
        known = self._long.get(session_uuid)
        found = self._stores.callback_windows.around(callback, known)
        if found and found.is_cut:
            self._long[session_uuid] = found.session
        else:
            self._read[session_uuid] = found
        return found

    def whole(self, session_uuid: str) -> Whole | None:
        """Return a session with all its callbacks; None if it is not kept any more."""
        if session_uuid not in self._read:
            self._read[session_uuid] = self._stores.sessions.load_whole(session_uuid)
        return self._read[session_uuid]
