"""What a callback changes in the state of its session. Rules alone.

Calls are not state: they are told by the set of callbacks. Two things are: that Plivo
has ended the session, and that something came after its totals were final.
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
    """Give the session's next state for a callback that was kept; None: no change."""
    if session.status is Status.EXPIRED:
        # That it has ended is no news of a session that has.
        is_news = attributes.get("EventName") != ENDED
        return transitions.reopen(session, now) if is_news else None
    if session.status not in (Status.ACTIVE, Status.ENDING):
        return None
    told = attributes.get("SessionUUID", "").lower()
    if attributes.get("EventName") == ENDED and told == session.carrier_session_uuid:
        return transitions.expire(session, now)
    return None
