"""What a new state of a session sets off: links, checks, events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.core import key_space, times
from masking.core.key_space import Item
from masking.domain import bus_events, session_changes
from masking.domain.bus_events import Event
from masking.domain.sessions import Session, Status
from masking.storage import timelines
from masking.storage.pins import Claim
from masking.storage.session_items import session_from

if TYPE_CHECKING:
    from masking.callbacks.call_news import CallNews
    from masking.core.times import Clock
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores
    from masking.stream.session_links import SessionLinks
    from masking.stream.session_reads import SessionReads


SETTLED = "session.settled"


@dataclass(frozen=True)
class SessionChanged:
    """Reacts to states.

    *check_queue* is for what must be looked at again; *callback_key* hashes PINs.
    """

    stores: Stores
    reads: SessionReads
    links: SessionLinks
    call_news: CallNews
    check_queue: Queue
    callback_key: bytes
    now: Clock

    def events_of(self, before: Item, after: Item) -> list[Event]:
        """Link what is new, send what must be checked; return the events it is."""
        was = session_from(before) if before else None
        session = session_from(after)
        self._send_checks(was, session)
        kinds = session_changes.types_of_change(was, session)
        given_up = session_changes.has_been_given_up(was, session)
        moved = session_changes.ends_otherwise(was, session)
        renumbered = was is not None and was.virtual_number != session.virtual_number
        if not (kinds or given_up or moved or renumbered):
            return []
        known = self.reads.session(session.session_uuid)
        if known and known.erased_at:
            session = replace(session, labels={})
        elif known:
            session = replace(session, asked=known.asked)
            was = replace(was, asked=known.asked) if was else None
            self._link(was, session, given_up=given_up, moved=moved)
            whole = self.reads.whole(session.session_uuid) if moved else None
            if whole:
                self.links.keep(replace(whole, session=session))
        if was and was.carrier_session_uuid:
            self.links.unlink_labels(was, session)
        if was and was.asked and not session_changes.changed_names(was, session):
            kinds = [each for each in kinds if each != "session.updated"]
        if session_changes.may_share_pins(was, session) and self._share_pins(session):
            kinds.append(session_changes.PIN_CONFLICT)
        now = times.stamp(self.now())
        told = [bus_events.event_of_session(each, session, now, was) for each in kinds]
        if SETTLED in kinds and known and not known.erased_at:
            told += self._calls_of(session.session_uuid)
        return told

    def _share_pins(self, session: Session) -> bool:
        """Claim a session's PINs; return whether another has one of them."""
        now = self.now()
        claim = Claim(
            session.session_uuid,
            session.virtual_number,
            session_changes.pins_in(session.settings),
            session.expiry_time or now,
        )
        return not self.stores.pins.take_all(claim, self.callback_key, now)

    def _calls_of(self, session_uuid: str) -> list[Event]:
        """Return the events of calls that the settlement ends or corrects."""
        whole = self.reads.whole(session_uuid)
        if whole is None or not timelines.is_final(whole.session):
            return []
        timeline = timelines.timeline_of(whole.callbacks, whole.session)
        return self.call_news.of_settlement(timeline, whole.session)

    def _send_checks(self, was: Session | None, session: Session) -> None:
        if session_changes.is_newly_in_doubt(was, session):
            # What an update may still do at Plivo is looked for when it has done it.
            update = was.pending if was else None
            at_work = update is not None and self.now() < update.lease_until
            over = session.status is Status.EXPIRED and not at_work
            self.check_queue.send({"session_uuid": session.session_uuid}, at_once=over)
        if session_changes.may_have_orphans(was, session):
            self.check_queue.send(orphan_check(session))

    def _link(
        self, was: Session | None, session: Session, *, given_up: bool, moved: bool
    ) -> None:
        is_new = session_changes.is_new_at_carrier(was) and session.carrier_session_uuid
        if given_up:
            self.links.link_parties(session, key_space.attempt_key, session.reserved_at)
        elif is_new or moved or session_changes.has_other_parties(was, session):
            self.links.link(session, session_changes.linked_since(was, session))
        elif was and was.labels != session.labels:
            self.links.link_labels(session)


def orphan_check(session: Session) -> dict[str, object]:
    """Return the message by which somebody looks at what Plivo has under our UUID."""
    return {"session_uuid": session.session_uuid, "orphans": True}
