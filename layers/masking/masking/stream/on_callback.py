"""Decide what a callback changes in the state of its session.

Calls are not state: they follow from the set of callbacks. Two things are state: that
Plivo has ended the session, and that something came after its totals were final.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from masking.domain import transitions
from masking.domain.sessions import Session, Status

ENDED = "SessionTimeout"


def after_callback(
    session: Session, attributes: Mapping[str, str], now: datetime
) -> Session | None:
    """Return the session's next state after a callback; None if nothing changes."""
    if session.status is Status.EXPIRED:
        # A session that has expired is not reopened by the news that it has.
        is_news = attributes.get("EventName") != ENDED
        return transitions.reopen(session, now) if is_news else None
    if session.status not in (Status.ACTIVE, Status.ENDING):
        return None
    if session.pending:
        # Plivo may have extended it meanwhile: who asks Plivo finds out.
        return None
    named = attributes.get("SessionUUID", "").lower()
    if attributes.get("EventName") == ENDED and named == session.carrier_session_uuid:
        return transitions.expire(session, now)
    return None
