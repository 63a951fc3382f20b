"""What Plivo answers, and what it changes in a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from masking.domain.sessions import SEARCHED, CarrierSession, EndedBy, Session, Status

# From Plivo's words for the state of a leg to ours for its outcome.
LEG_OUTCOMES: Mapping[str, str] = {
    "completed": "answered",
    "answered": "answered",
    "in-progress": "in_progress",
    "ringing": "in_progress",
    "queued": "in_progress",
    "busy": "busy",
    "no-answer": "no_answer",
    "timeout": "no_answer",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "failed": "failed",
}

# A call that has just ended is not in Plivo's totals yet.
SETTLE_AFTER = timedelta(minutes=5)

# Attributes that Plivo never sees as the app sent them: its own callbacks go to us, and
# labels and how long a recording is kept here is our affair.
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


def is_alive(answer: CarrierSession, now: datetime) -> bool:
    """Return whether Plivo would still connect calls of a session."""
    ends = answer.expiry_time
    return answer.status != "expired" and (ends is None or now < ends)


def with_ours(session: Session) -> Session:
    """Return the session with what its pending update changes of ours, or unsets.

    Plivo leaves out what is unset, and what was asked for would come back.
    """
    changes = session.pending.changes if session.pending else {}
    ours = {name: changes[name] for name in OURS & changes.keys()}
    labels = ours.pop("labels", session.labels)
    unset = {k: None for k, v in changes.items() if v is None and k not in OURS}
    return replace(
        session, labels=labels, answered={**session.answered, **unset, **ours}
    )


def shown_expiry(session: Session) -> datetime | None:
    """Return the `expiry_time` that apps see: an early end does not move it."""
    return session.planned_end or session.expiry_time


def reason_of(session: Session) -> dict[str, Any]:
    """Return as a change why a session has ended, if that is known already."""
    return {"ended_by": session.ended_by} if session.ended_by else {}


def answered(
    session: Session, answer: CarrierSession, since: Session | None
) -> dict[str, Any]:
    """Return what Plivo answered as changes; of the settings only what differs.

    A virtual number that a callback brought *since* the request was sent is newer than
    the answer.
    """
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
        planned = session.expiry_time
        early = planned is not None and ended < planned and session.pending is None
        is_first = session.status is not Status.EXPIRED
        status = {
            "status": Status.EXPIRED,
            "settle_at": ended + SETTLE_AFTER,
            "ended_time": ended,
            "ended_by": EndedBy.CARRIER if early else EndedBy.EXPIRY,
            "planned_end": planned if early and is_first else session.planned_end,
            **reason_of(session),
        }
    renumbered = since is not None and since.virtual_number != session.virtual_number
    number = session.virtual_number if renumbered else answer.virtual_number
    now = {**session.settings, **settings}
    limits = (now.get("ring_timeout"), now.get("call_time_limit"))
    return {
        **numbered(session, number),
        "created_time": answer.created_time or session.created_time,
        "modified_time": answer.modified_time or session.modified_time,
        "expiry_time": expiry_time,
        "calls": answer.totals.get("interaction", ()),
        "answered": {**kept, **searched, **differs, **_worth_keeping(answer.totals)},
        # A call that began before an update goes on under the limits from then.
        "time_limit": max(session.time_limit, sum(limit or 0 for limit in limits)),
        **status,
    }


def numbered(session: Session, virtual_number: str | None) -> dict[str, Any]:
    """Return as changes the number of a session, and its first if that is another."""
    known = session.virtual_number
    now = virtual_number or known
    former = session.former_number or (known if now != known else None)
    return {"virtual_number": now, "former_number": former}


def _is_other(session: Session, name: str, value: Any) -> bool:
    """Return whether an attribute differs from what was asked, or was unset since."""
    was_unset = name in session.answered and session.answered[name] is None
    return was_unset or session.asked.get(name) != value


def _worth_keeping(totals: Mapping[str, Any]) -> dict[str, Any]:
    """Return the totals that are not zero, and how long the session lasts.

    Calls are kept in an item of their own.
    """
    return {
        k: v
        for k, v in totals.items()
        if k == "duration" or (k != "interaction" and v not in (0, "0", None, ""))
    }


# The totals that an app accounts by, each with its value when nothing was counted.
TOTALS: Mapping[str, Any] = {
    "amount": "0",
    "total_call_amount": "0",
    "total_call_count": 0,
    "total_call_billed_duration": 0,
    "total_session_amount": "0",
}


def totals_of(session: Session) -> dict[str, Any]:
    """Return Plivo's accounting of a session, null where it is not known.

    It is known once it has been fetched after the end and was the same twice: Plivo's
    totals follow a call late.
    """
    known = session.totals_as_of is not None
    answered = session.answered
    totals = {k: answered.get(k, zero) if known else None for k, zero in TOTALS.items()}
    last = answered.get("last_interaction_time") if known else None
    return {**totals, "last_interaction_time": last}
