"""Tell what a change of a session or a callback is for events, links and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from masking.core import callers, numbers
from masking.domain import plivo_events, sessions
from masking.domain.redaction import ACCOUNTING
from masking.domain.sessions import LEASE, PARTY_FIELDS, Session, Status

if TYPE_CHECKING:
    from masking.domain.callback_event import CallbackEvent
    from masking.domain.calls import Call
    from masking.domain.timeline import Timeline


# The type of the event that an unknown caller was not let through.
REFUSED = "call.refused"

# The type of the event that a call began when its session was over.
AFTER_END = "call.after_end"

# Of an update whose outcome had not been known.
UPDATED = "updated"
PARTLY_UPDATED = "partly_updated"
NOT_UPDATED = "not_updated"
UNKNOWN = "unknown"

PINS = ("first_party_pin", "second_party_pin")

# The type of the event that another session has the same PIN at the same number.
PIN_CONFLICT = "pin.conflict"

# What follows from calls, and is no change of a session's attributes.
COUNTED = ACCOUNTING - {"duration"}


def type_of_change(before: Session | None, after: Session) -> str | None:
    """Name the event that a change of a session's state is; None if it is none."""
    was = before.status if before else None
    if _is_expired(after) and was is not Status.EXPIRED:
        return "session.expired"
    if after.status is not Status.ACTIVE:
        return None
    if was is not Status.ACTIVE:
        return "session.created"
    if has_ended_update(before, after) and before and changed_names(before, after):
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


def has_ended_update(before: Session | None, after: Session) -> bool:
    """Return whether an update was on its way to Plivo and is no more."""
    return bool(before and before.pending and not after.pending)


def changed_names(before: Session, after: Session) -> list[str]:
    """List the attributes that differ, as the API names them, sorted.

    Both sessions have what was asked for, or neither.
    """
    had, has = before.settings, after.settings
    asked_is_known = bool(before.asked and after.asked)
    names = {
        name
        for name in had.keys() | has.keys()
        # What is unset is None or left out; what was asked for may stand behind it.
        if had.get(name) != has.get(name)
        or (not asked_is_known and (name in had) is not (name in has))
    }
    own = {
        "labels": (before.labels, after.labels),
        "virtual_number": (before.virtual_number, after.virtual_number),
        "expiry_time": (before.expiry_time, after.expiry_time),
    }
    names = {name for name in names if name not in COUNTED}
    return sorted(names | {name for name, (was, now) in own.items() if was != now})


def end_of_update(before: Session, after: Session) -> dict[str, Any]:
    """Return what became of an update whose outcome had not been known.

    `outcome` is `updated`, `partly_updated`, `not_updated`, or `unknown` where Plivo
    knew nothing of the session any more; `changed` and `unchanged` name what the
    update was to change.
    """
    asked = before.pending.changes if before.pending else {}
    done = {name for name, value in asked.items() if _has(before, after, name, value)}
    left = sorted(asked.keys() - done)
    outcome = PARTLY_UPDATED if done and left else UPDATED if done else NOT_UPDATED
    if left and after.status is Status.EXPIRED:
        outcome = UNKNOWN
    return {"outcome": outcome, "changed": sorted(done), "unchanged": left}


def _has(before: Session, after: Session, name: str, value: Any) -> bool:
    """Return whether a session is as an update was to make it."""
    if name == "labels":
        return bool(dict(after.labels) == value)
    if name == "session_expiry":
        if not (before.pending and after.expiry_time):
            return False
        late = (after.expiry_time - before.pending.begun).total_seconds() - value
        return bool(abs(late) <= LEASE.total_seconds())
    return bool(after.settings.get(name) == value)


def number_before(
    event: CallbackEvent, timeline: Timeline, session: Session
) -> str | None:
    """Return the virtual number that a `SessionVirtualNumberReplaced` took away.

    None if it is not known.
    """
    replaced = [
        each for each in timeline.history if each.name == plivo_events.NUMBER_REPLACED
    ]
    new = numbers.normal_or_none(event.attributes.get("VirtualNumber"))
    first = session.former_number or session.virtual_number
    old = None if timeline.is_cut else first
    for each in replaced:
        if each.digest == event.digest:
            break
        old = numbers.normal_or_none(each.attributes.get("VirtualNumber")) or old
    return old if old != new else None


def is_refusal(call: Call, history: Sequence[CallbackEvent], session: Session) -> bool:
    """Return whether a call was an unknown caller's who was not let through.

    That is, nobody else was called. A session that lacks a party and asks for no PIN
    lets everybody through.
    """
    if call.caller != plivo_events.UNKNOWN or call.is_dialed:
        return False
    of_call = [each for each in history if each.digest in call.digests]
    rang = any(plivo_events.SECOND_PARTY in each.name for each in of_call)
    admitted = call.pin is not None and call.pin.outcome == "success"
    return not (rang or admitted or _is_open(session.settings))


def is_after_end(call: Call, session: Session) -> bool:
    """Return whether a call began when its session was over.

    Both times are to the second: what begins in the second of the end may be before.
    """
    if call.started_at is None:
        return False
    began = call.started_at - timedelta(seconds=1)
    if session.status is Status.EXPIRED:
        ended = session.ended_time or session.expiry_time
        return ended is not None and began > ended
    return sessions.is_over(session, began)


def _is_open(settings: Mapping[str, Any]) -> bool:
    lacks = [name for name in sessions.PARTIES if not settings.get(name)]
    return bool(lacks) and not settings.get("is_pin_authentication_required", False)


def is_new_at_carrier(before: Session | None) -> bool:
    """Return whether a session that Plivo now has was not known to be there before."""
    return before is None or before.carrier_session_uuid is None


def pins_in(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the PINs among a session's attributes."""
    return tuple(str(settings[name]) for name in PINS if settings.get(name))


def may_share_pins(before: Session | None, after: Session) -> bool:
    """Return whether a session has PINs at a number where nobody has claimed them.

    It was given another number, or it came to be known otherwise than by the answer to
    its create, or is one that a create never ends because it rings a phone at once.
    Both sessions have what was asked for.
    """
    if after.status is not Status.ACTIVE or not pins_in(after.settings):
        return False
    had = before.virtual_number if before else None
    if had is not None:
        return had != after.virtual_number
    rings = after.settings.get("initiate_call_to_first_party", False)
    return is_new_at_carrier(before) and bool(after.repaired or rings)


def ends_otherwise(before: Session | None, after: Session) -> bool:
    """Return whether what is kept of a session that Plivo has is to go otherwise."""
    if before is None or after.carrier_session_uuid is None:
        return False
    return before.purge_at != after.purge_at


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
