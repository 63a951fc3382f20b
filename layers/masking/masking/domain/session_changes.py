"""Tell what a change of a session's state is, and what it sets off."""

from __future__ import annotations

from datetime import datetime

from masking.core import callers
from masking.domain import plivo_events, sessions
from masking.domain.callback_event import CallbackEvent
from masking.domain.sessions import LEASE, PARTY_FIELDS, Session, Status


def type_of_change(before: Session | None, after: Session) -> str | None:
    """Name the event that a change of a session's state is; None if it is none."""
    was = before.status if before else None
    if _is_expired(after) and was is not Status.EXPIRED:
        return "session.expired"
    if after.status is not Status.ACTIVE:
        return None
    if was is not Status.ACTIVE:
        return "session.created"
    if before and before.pending and not after.pending and _differs(before, after):
        return "session.updated"
    return None


def types_of_change(before: Session | None, after: Session) -> list[str]:
    """Name every event that a change of a session's state is, in their order.

    A session that is adopted after it has ended began and ended. That totals became
    final or that something was mended may come with another event.
    """
    kinds = []
    if _is_expired(after) and after.carrier_session_uuid and is_new_at_carrier(before):
        kinds.append("session.created")
    kind = type_of_change(before, after)
    if kind:
        kinds.append(kind)
    if after.settled and (before is None or before.settled != after.settled):
        kinds.append("session.settled")
    if after.repaired and (before is None or before.version != after.version):
        kinds.append("reconciliation.repaired")
    return kinds


def is_new_at_carrier(before: Session | None) -> bool:
    """Return whether a session that Plivo now has was not known to be there before."""
    return before is None or before.carrier_session_uuid is None


def has_other_parties(before: Session | None, after: Session) -> bool:
    """Return whether a party was added since."""
    was = before.answered if before else {}
    return any(
        was.get(name) != after.answered.get(name) for name in PARTY_FIELDS.values()
    )


def linked_since(before: Session | None, after: Session) -> datetime:
    """Return since when a session has the parties that it has now.

    That is its reservation, or the update by which one was added.
    """
    update = before.pending if before else None
    if update and update.changes.keys() & set(PARTY_FIELDS.values()):
        return update.lease_until - LEASE
    return after.reserved_at


def has_been_given_up(before: Session | None, after: Session) -> bool:
    """Return whether a create has just ended without a session at Plivo."""
    closed = (Status.FAILED, Status.ABANDONED)
    return after.status in closed and (before is None or before.status not in closed)


def is_newly_in_doubt(before: Session | None, after: Session) -> bool:
    """Return whether an update or an ending has just set out for Plivo.

    If its function is killed nobody else knows; so a check is sent to follow it. One
    is sent as well where the sweep has ended a session that may be alive at Plivo.
    """
    if after.status is Status.EXPIRED:
        return after.doubted and (before is None or not _is_expired(before))
    if after.doubted or not sessions.is_in_doubt(after):
        return False
    return before is None or sessions.lease_of(before) != sessions.lease_of(after)


def may_have_orphans(before: Session | None, after: Session) -> bool:
    """Return whether a create has just ended that was sent to Plivo more than once.

    What an earlier attempt made may show up at Plivo only now.
    """
    ended = before is not None and before.status is Status.RESERVED
    return ended and after.status is not Status.RESERVED and after.attempt > 1


def tells_of_another(event: CallbackEvent, session: Session) -> bool:
    """Return whether a callback on our path is about a session that we don't hold."""
    named = event.carrier_session_uuid
    return named is not None and named != session.carrier_session_uuid


def strangers_in(event: CallbackEvent, session: Session) -> list[str]:
    """List the names of people in a callback who are neither party, as found by them.

    A number that could be one of several countries is listed as each of them, what is
    no number at all as it was written.
    """
    known = [session.settings.get(name) for name in PARTY_FIELDS.values()]
    known.append(session.virtual_number)
    found: list[str] = []
    for name in plivo_events.PEOPLE:
        writing = callers.writing_of(event.attributes.get(name))
        if not any(callers.is_same(writing, each) for each in known):
            found += callers.names_of(writing, near=known)
    return list(dict.fromkeys(found))


def known_since(event: CallbackEvent) -> str:
    """Return since when a caller is linked: when it called, or our clock says sooner.

    Plivo's clock may be ahead of ours, or write India's time as UTC
    (plivo-contract 1.5); an erasure is requested by our clock.
    """
    return min(event.occurred_at, event.received_at)


def _is_expired(session: Session) -> bool:
    return session.status is Status.EXPIRED


def _differs(before: Session, after: Session) -> bool:
    return (before.answered, before.expiry_time) != (after.answered, after.expiry_time)
