"""Make sessions findable: by party, caller, label, Plivo's UUID, tenant.

Whoever links a number late, after an erasure of it was asked for, sends the session to
be erased. The link is written before the tombstone is read, and the tombstone before
the links are walked: so whoever comes second sees what the other has written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from masking.core import key_space, numbers, times
from masking.core.key_space import LINK
from masking.domain.sessions import PARTIES, Session
from masking.storage import session_items

if TYPE_CHECKING:
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores

KeyOf = Callable[[str, str], str]


@dataclass(frozen=True)
class SessionLinks:
    """Writes links; *number_key* is the key that numbers are hashed with."""

    stores: Stores
    erasure_queue: Queue
    number_key: bytes

    def link(self, session: Session, since: datetime) -> None:
        """Link a session that Plivo has confirmed; its parties are known *since* then.

        One that is to be erased gets no link by label, because nobody would remove it.
        """
        stays = self.link_parties(session, key_space.party_key, since)
        for label, value in session.labels.items() if stays else ():
            key = key_space.label_key(session.tenant_id, label, value)
            self._link_once(key, session)
        self.stores.sessions.keep_virtual_number(session)
        key = key_space.carrier_key(str(session.carrier_session_uuid))
        if not self.stores.links.has(key, LINK):
            self.stores.links.put(
                key,
                LINK,
                session_uuid=session.session_uuid,
                **session_items.listing_keys(session),
            )

    def link_parties(self, session: Session, key_of: KeyOf, since: datetime) -> bool:
        """Link a session to its parties; return whether it is to be kept."""
        given = {session.settings.get(name) for name in PARTIES}
        hashes = [numbers.hashed(self.number_key, each) for each in given if each]
        more = {} if since == session.reserved_at else {"since": times.stamp(since)}
        for hashed in hashes:
            self._link_once(key_of(session.tenant_id, hashed), session, **more)
        erased = [
            self._is_erased(session, hashed, times.stamp(since)) for hashed in hashes
        ]
        return not any(erased)

    def link_caller(self, name: str, session: Session, since: str) -> None:
        """Link a session to a stranger, by a number or name that a callback has."""
        hashed = numbers.hashed(self.number_key, name)
        key = key_space.caller_key(session.tenant_id, hashed)
        self._link_once(key, session, since=since)
        self._is_erased(session, hashed, since)

    def _is_erased(self, session: Session, hashed: str, since: str) -> bool:
        """Send a session to be erased if its number's erasure is younger than it."""
        tombstone = self.stores.erasures.tombstone(session.tenant_id, hashed)
        if tombstone is None or since > tombstone["at"]:
            return False
        message = {
            "erasure_id": tombstone["erasure_id"],
            "session_uuid": session.session_uuid,
        }
        self.erasure_queue.send(message, at_once=True)
        return True

    def _link_once(self, key: str, session: Session, **more: str) -> None:
        """Write a link; looking first costs less than writing it again."""
        place = session_items.created_key(session)
        if not self.stores.links.has(key, place):
            self.stores.links.put(key, place, **more)
