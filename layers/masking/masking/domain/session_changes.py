"""Decide what a change of a session is for others: events, links, checks."""

from __future__ import annotations

from datetime import datetime

from masking.core import numbers
from masking.domain import sessions
from masking.domain.callback_event import CallbackEvent
from masking.domain.sessions import PARTY_FIELDS, Session, Status


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
        return update.begun
    return after.reserved_at


def has_been_given_up(before: Session | None, after: Session) -> bool:
    """Return whether a create has just ended without a session at Plivo."""
    closed = (Status.FAILED, Status.ABANDONED)
    return after.status in closed and (before is None or before.status not in closed)


def is_newly_in_doubt(before: Session | None, after: Session) -> bool:
    """Return whether an update or an ending has just set out for Plivo.

    If its function is killed nobody else knows; so a check is sent to follow it. One
    is sent as well where a session has ended that may be alive at Plivo, and where the
    expiry that Plivo answered could not be read.
    """
    if after.status is Status.EXPIRED:
        known = before is not None and _is_expired(before) and before.doubted
        return after.doubted and not known
    if after.presumed and not (before and before.presumed):
        return True
    if after.doubted or not sessions.is_in_doubt(after) or not sessions.lease_of(after):
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
    """List the numbers in a callback that called and are neither party."""
    caller = numbers.normal_or_none(event.attributes.get("From"))
    known = {session.settings.get(name) for name in PARTY_FIELDS.values()}
    known.add(session.virtual_number)
    return [caller] if caller and caller not in known else []


def _is_expired(session: Session) -> bool:
    return session.status is Status.EXPIRED


def _differs(before: Session, after: Session) -> bool:
    return (before.answered, before.expiry_time) != (after.answered, after.expiry_time)
