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
    Doubted: an update or an ending that the reconciler must clear up; of an expired
    session, that something of it may be alive at Plivo still.
    EXPIRED sessions are settled: see `settle`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from masking.domain.sessions import (
    LEASE,
    SEARCHED,
    CarrierSession,
    Pending,
    Session,
    Settled,
    Status,
    hash_of_request,
)

# A call that has just ended is not in Plivo's totals yet.
SETTLE_AFTER = timedelta(minutes=5)


def reserve(
    *,
    session_uuid: str,
    tenant_id: str,
    asked: Mapping[str, Any],
    labels: Mapping[str, str],
    base_url: str,
    now: datetime,
) -> Session:
    """Begin a session: first attempt, lease running, nothing at Plivo yet."""
    return Session(
        session_uuid=session_uuid,
        tenant_id=tenant_id,
        status=Status.RESERVED,
        version=1,
        attempt=1,
        request_hash=hash_of_request(asked, labels),
        base_url=base_url,
        reserved_at=now,
        lease_until=now + LEASE,
        asked=asked,
        labels=labels,
    )


def retake(session: Session, now: datetime) -> Session:
    """Begin the next attempt."""
    return _next(
        session,
        status=Status.RESERVED,
        attempt=session.attempt + 1,
        lease_until=now + LEASE,
    )


def confirm(session: Session, answer: CarrierSession, attempt: int) -> Session:
    """Take Plivo's answer to *attempt* as the session's truth."""
    return _next(
        session,
        attempt=max(attempt, session.attempt),
        lease_until=None,
        carrier_session_uuid=answer.session_uuid,
        **{"status": Status.ACTIVE, **_answered(session, answer)},
    )


def fail(session: Session) -> Session:
    """Free the key: Plivo surely did not create the session."""
    return _next(session, status=Status.FAILED, lease_until=None)


def abandon(session: Session) -> Session:
    """Close a create whose outcome nobody knows and that must not be sent again."""
    return _next(session, status=Status.ABANDONED, lease_until=None)


def renumber(session: Session, virtual_number: str) -> Session:
    """Take the virtual number that Plivo gave the session in place of its last."""
    return _next(session, **_number(session, virtual_number))


def begin_update(
    session: Session, changes: Mapping[str, Any], now: datetime
) -> Session:
    """Record an update before Plivo is asked."""
    return _next(session, pending=Pending(changes, now + LEASE))


def finish_update(session: Session, answer: CarrierSession | None) -> Session:
    """Take Plivo's answer as the truth and clear the pending update.

    *answer* is None if Plivo was not asked, because only callbacks of ours changed.
    """
    changes = session.pending.changes if session.pending else {}
    ours = {name: changes[name] for name in OURS & changes.keys()}
    labels = ours.pop("labels", session.labels)
    # Plivo leaves out what is unset, and what was asked for would come back.
    unset = {k: None for k, v in changes.items() if v is None and k not in OURS}
    changed = replace(
        session, labels=labels, answered={**session.answered, **unset, **ours}
    )
    settled = _answered(changed, answer) if answer else {}
    return _next(changed, pending=None, doubted=False, **settled)


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


def doubt(session: Session) -> Session:
    """Leave an update or an ending of unknown outcome to the reconciler."""
    return _next(session, doubted=True)


def expire(
    session: Session, now: datetime | None = None, *, doubted: bool = False
) -> Session:
    """End the session; what Plivo has of it is fetched a little later.

    *now* is when, if that is before its expiry. With *doubted*, or after more than one
    attempt, something of it may be alive at Plivo: that is checked first.
    """
    ends = session.expiry_time or session.reserved_at
    return _next(
        session,
        status=Status.EXPIRED,
        pending=None,
        doubted=doubted or session.attempt > 1,
        lease_until=None,
        settle_at=(min(now, ends) if now else ends) + SETTLE_AFTER,
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
    final = _answered(session, answer) if answer else {}
    return _next(
        session,
        **{
            **final,
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


# Attributes that Plivo never sees as the app sent them: its own callbacks go to us, and
# labels and how long a recording is kept here are our affair.
OURS = frozenset(
    {
        "labels",
        "callback_url",
        "callback_method",
        "recording_callback_url",
        "recording_callback_method",
        "recording_retention_days",
    }
)


def _next(session: Session, **changes: Any) -> Session:
    return replace(
        session, version=session.version + 1, **{"repaired": None, **changes}
    )


def _answered(session: Session, answer: CarrierSession) -> dict[str, Any]:
    """Return what Plivo answered as changes; of the settings only what differs."""
    # Plivo goes on knowing whom an erased session was of; we do not.
    told = {} if session.erased_at else answer.settings
    settings = {k: v for k, v in told.items() if k not in OURS}
    kept = {k: v for k, v in session.answered.items() if k in OURS or v is None}
    searched = {k: v for k, v in session.settings.items() if k in SEARCHED}
    differs = {
        k: v for k, v in settings.items() if k in SEARCHED or _is_other(session, k, v)
    }
    expiry_time = answer.expiry_time or session.expiry_time
    status: dict[str, Any] = {}
    if answer.status == "expired":
        ended = expiry_time or session.reserved_at
        status = {"status": Status.EXPIRED, "settle_at": ended + SETTLE_AFTER}
    now = {**session.settings, **settings}
    limits = (now.get("ring_timeout"), now.get("call_time_limit"))
    return {
        **_number(session, answer.virtual_number),
        "created_time": answer.created_time or session.created_time,
        "modified_time": answer.modified_time or session.modified_time,
        "expiry_time": expiry_time,
        "calls": answer.totals.get("interaction", ()),
        "answered": {**kept, **searched, **differs, **_worth_keeping(answer.totals)},
        # A call that began before an update goes on under the limits from then.
        "time_limit": max(session.time_limit, sum(limit or 0 for limit in limits)),
        **status,
    }


def _number(session: Session, virtual_number: str | None) -> dict[str, Any]:
    """Return the number that a session has now, and its first if that is another."""
    known = session.virtual_number
    now = virtual_number or known
    former = session.former_number or (known if now != known else None)
    return {"virtual_number": now, "former_number": former}


def _is_other(session: Session, name: str, value: Any) -> bool:
    """Return whether an attribute differs from what was asked, or was unset since."""
    was_unset = name in session.answered and session.answered[name] is None
    return was_unset or session.asked.get(name) != value


def _worth_keeping(totals: Mapping[str, Any]) -> dict[str, Any]:
    """Return the totals that are not zero; calls are kept in an item of their own."""
    return {
        k: v
        for k, v in totals.items()
        if k != "interaction" and v not in (0, "0", None, "")
    }
