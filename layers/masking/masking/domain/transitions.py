"""How a session goes from one state to the next.

Every change is a function from one `Session` to the next. the store writes the next one
only if the stored one still has the version that the change started from, so that
of two changes at once exactly one happens.

    reserve ──> RESERVED ──confirm──> ACTIVE ─────────expire────────> EXPIRED
                  │  ▲                │ ▲  │                             ▲
     Plivo said no│  │retake          │ │  └─begin_ending─> ENDING ─expire┘
                  ▼  │    begin_update│ │finish_update, drop_update
                 FAILED               ▼ │
                                 ACTIVE, update pending
    ABANDONED: a create whose outcome was never known and that may have rung a phone.
    A change that was asked for of one state may have to be made to a later one: a
    callback may have replaced the virtual number, a DELETE may have come in between.

    Doubted: an update or an ending that the reconciler must clear up; of an expired
    session, that something of it may be alive at Plivo still.
    EXPIRED sessions are settled: see `settle`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from masking.domain.carrier_answers import OURS as OURS
from masking.domain.carrier_answers import SETTLE_AFTER as SETTLE_AFTER
from masking.domain.carrier_answers import answered, numbered, reason_of, with_ours
from masking.domain.sessions import (
    LEASE,
    LEAST_EXPIRY,
    CarrierSession,
    EndedBy,
    Pending,
    Session,
    Settled,
    Status,
)


def hash_of_request(asked: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return a hash that is equal for equal requests, defaults filled in (hex)."""
    canonical = json.dumps([asked, labels], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def reserve(
    *,
    session_uuid: str,
    tenant_id: str,
    asked: Mapping[str, Any],
    labels: Mapping[str, str],
    base_url: str,
    now: datetime,
    sent: Mapping[str, Any] | None = None,
) -> Session:
    """Begin a session: first attempt, lease running, nothing at Plivo yet.

    *sent* is the request with what of it has no effect, by which another is told from
    the same one; else *asked* is.
    """
    return Session(
        session_uuid=session_uuid,
        tenant_id=tenant_id,
        status=Status.RESERVED,
        version=1,
        attempt=1,
        request_hash=hash_of_request(asked if sent is None else sent, labels),
        base_url=base_url,
        reserved_at=now,
        lease_until=now + LEASE,
        asked=asked,
        labels=labels,
    )


def may_recreate(session: Session) -> bool:
    """Return whether sending the create again can at worst leave an orphan.

    A create that rings a phone is never sent twice.
    """
    return not session.asked.get("initiate_call_to_first_party", False)


def retake(session: Session, now: datetime) -> Session:
    """Begin the next attempt."""
    return _next(
        session,
        status=Status.RESERVED,
        attempt=session.attempt + 1,
        lease_until=now + LEASE,
    )


def confirm(
    session: Session,
    answer: CarrierSession,
    attempt: int,
    *,
    since: Session | None = None,
) -> Session:
    """Take Plivo's answer to *attempt* as the session's truth.

    *since* is the state that the request was sent in. Without a readable expiry ours is
    a sum, until Plivo has told its own.
    """
    changes = answered(session, answer, since)
    presumed = changes["expiry_time"] is None and "status" not in changes
    if presumed:
        begun = answer.created_time or session.reserved_at
        lasts = timedelta(seconds=session.asked.get("session_expiry", 0))
        changes["expiry_time"] = begun + max(lasts, LEAST_EXPIRY)
    return _next(
        session,
        attempt=max(attempt, session.attempt),
        lease_until=None,
        carrier_session_uuid=answer.session_uuid,
        presumed=presumed,
        **{"status": Status.ACTIVE, **changes},
    )


def fail(session: Session) -> Session:
    """Free the key: Plivo surely did not create the session."""
    return _next(session, status=Status.FAILED, lease_until=None)


def abandon(session: Session) -> Session:
    """Close a create whose outcome nobody knows and that must not be sent again."""
    return _next(session, status=Status.ABANDONED, lease_until=None)


def renumber(session: Session, virtual_number: str) -> Session:
    """Take the virtual number that Plivo gave the session in place of its last."""
    return _next(session, **numbered(session, virtual_number))


def begin_update(
    session: Session, changes: Mapping[str, Any], now: datetime
) -> Session:
    """Record an update before Plivo is asked."""
    return _next(session, pending=Pending(changes, now + LEASE), doubted=False)


def finish_update(
    session: Session, answer: CarrierSession | None, *, since: Session | None = None
) -> Session:
    """Take Plivo's answer as the truth and clear the pending update.

    *answer* is None if Plivo was not asked, because only callbacks of ours changed;
    *since* is the state that the request was sent in. A session that is to end stays
    so.
    """
    changed = with_ours(session)
    told = answered(changed, answer, since) if answer else {}
    if answer and answer.expiry_time:
        told["presumed"] = False
    return _next(changed, pending=None, doubted=False, **told)


def drop_update(session: Session) -> Session:
    """Clear a pending update that Plivo surely did not carry out."""
    return _next(session, pending=None, doubted=False)


def begin_ending(session: Session, now: datetime) -> Session:
    """Record that the session is to end before Plivo is asked.

    An update in doubt stays recorded: Plivo is asked about it once all is over.
    """
    return _next(
        session,
        status=Status.ENDING,
        doubted=False,
        lease_until=now + LEASE,
    )


def doubt(session: Session, *, answered: bool = False) -> Session:
    """Leave an update or an ending of unknown outcome to the reconciler.

    *answered* says that Plivo has answered an update, so that nobody works on it.
    """
    pending = session.pending
    if pending and session.status is not Status.ENDING:
        pending = replace(pending, left=True, released=answered)
    return _next(session, doubted=True, pending=pending)


def expire(
    session: Session,
    now: datetime | None = None,
    answer: CarrierSession | None = None,
    *,
    since: Session | None = None,
    doubted: bool = False,
    by: EndedBy = EndedBy.CARRIER,
) -> Session:
    """End the session; what else Plivo has of it is fetched a little later.

    *now* is when, if that is before its expiry, and *by* then says why; *answer* is
    what Plivo says of it by now, *since* the state in which it was asked. With
    *doubted*, or after more than one attempt, something of it may be alive at Plivo:
    that is checked first.
    """
    planned = session.expiry_time or session.reserved_at
    told = answered(with_ours(session), answer, since) if answer else {}
    ends = min(now, planned) if now else planned
    early = now is not None and now < planned
    # What an update in doubt has made of the expiry is told once it is fetched.
    extended = session.pending and "session_expiry" in session.pending.changes
    ended = None if extended and not early and not answer else ends
    if answer and answer.status == "expired":
        ended = answer.expiry_time or ends
    return _next(
        session,
        **{
            **told,
            "status": Status.EXPIRED,
            "pending": None,
            "presumed": False,
            "doubted": doubted or session.attempt > 1,
            "lease_until": None,
            "settle_at": ends + SETTLE_AFTER,
            "ended_time": ended,
            "ended_by": by if early else EndedBy.EXPIRY,
            **({"planned_end": session.expiry_time} if early else {}),
        },
    )


def clear(session: Session) -> Session:
    """Record that nothing of an expired session is alive at Plivo."""
    return _next(session, doubted=False)


def settle(
    session: Session,
    answer: CarrierSession | None,
    changed: Sequence[str],
    now: datetime,
) -> Session:
    """Take Plivo's answer as final; None where Plivo knows nothing of the session."""
    times = session.settled.times + 1 if session.settled else 1
    final = answered(session, answer, None) if answer else {}
    if answer:
        final["totals_as_of"] = now
        final["ended_time"] = answer.expiry_time or session.ended_time
    return _next(
        session,
        **{
            "ended_by": EndedBy.EXPIRY,
            **final,
            **reason_of(session),
            "status": Status.EXPIRED,
            "settle_at": None,
            "settled": Settled(now, tuple(changed), times),
        },
    )


def reopen(session: Session, now: datetime) -> Session | None:
    """Settle once more, for a callback that came late; None if that was done before."""
    if session.settled is None or session.settle_at or session.settled.times > 1:
        return None
    return _next(session, settle_at=now + SETTLE_AFTER)


def note(session: Session, what: str) -> Session:
    """Record what the reconciler repaired at Plivo, without any change of ours."""
    return _next(session, repaired=what)


def repaired(session: Session, what: str) -> Session:
    """Record in a next state what the reconciler repaired by it."""
    return replace(session, repaired=what)


def _next(session: Session, **changes: Any) -> Session:
    return replace(
        session, version=session.version + 1, **{"repaired": None, **changes}
    )
