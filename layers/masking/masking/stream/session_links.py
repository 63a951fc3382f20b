"""Make sessions findable: by party, caller, label, Plivo's UUID, tenant.

Whoever links a number late, after an erasure of it was asked for, sends the session to
be erased. The link is written before the tombstone is read, and the tombstone before
the links are walked: so whoever comes second sees what the other has written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from masking.core import key_space, numbers, times
from masking.core.key_space import LINK
from masking.domain import session_changes
from masking.domain.sessions import PARTIES, Session
from masking.storage import session_items
from masking.storage.timelines import callback_event_from

if TYPE_CHECKING:
    from masking.storage.queues import Queue
    from masking.storage.session_items import Whole
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
        if stays:
            self.link_labels(session)
        if session.virtual_number:
            self.stores.virtual_numbers.keep(
                [session.virtual_number], session.reserved_at
            )
        self._put_once(
            key_space.carrier_key(str(session.carrier_session_uuid)),
            LINK,
            session,
            session_uuid=session.session_uuid,
            **session_items.listing_keys(session),
        )

    def link_labels(self, session: Session) -> None:
        """Link a session to its labels."""
        for label, value in session.labels.items():
            key = key_space.label_key(session.tenant_id, label, value)
            self._link_once(key, session)

    def unlink_labels(self, before: Session, session: Session) -> None:
        """Delete the links of the labels that a session has no more."""
        for label, value in before.labels.items():
            if session.labels.get(label) != value:
                key = key_space.label_key(session.tenant_id, label, value)
                self.stores.table.delete(key, session_items.created_key(session))

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

    def keep(self, whole: Whole) -> None:
        """Make all that goes with a session go with it, now that it ends otherwise.

        That costs a write for each item and each link, when an expiry moves far.
        """
        session = whole.session
        self.stores.sessions.keep_items(session)
        for item in whole.callbacks:
            callback = callback_event_from(item)
            since = session_changes.known_since(callback)
            for name in session_changes.strangers_in(callback, session):
                self.link_caller(name, session, since)

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

    def _link_once(self, key: str, session: Session, **more: Any) -> None:
        self._put_once(key, session_items.created_key(session), session, **more)

    def _put_once(self, pk: str, sk: str, session: Session, **more: Any) -> None:
        """Write a link that goes with its session, or make it do so.

        Looking first costs less than writing it again; what is there stays.
        """
        purge_at = self.stores.sessions.purge_at(session)
        known = self.stores.links.get(pk, sk)
        if known is None:
            self.stores.links.put(pk, sk, **more, purge_at=purge_at)
        elif known.get("purge_at") != purge_at:
            kept = {k: v for k, v in known.items() if k not in ("pk", "sk")}
            self.stores.links.put(pk, sk, **{**kept, "purge_at": purge_at})
