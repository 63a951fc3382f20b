"""How a page of sessions looks to the app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from masking.api.pages import page_view
from masking.api.session_views import session_view
from masking.domain.sessions import Session

LISTED = (
    "duration",
    "ended_time",
    "ended_by",
    "amount",
    "total_call_amount",
    "total_call_count",
    "total_call_billed_duration",
    "total_session_amount",
    "last_interaction_time",
    "totals_as_of",
)


def listed_view(session: Session, now: datetime) -> dict[str, Any]:
    """Return a session as a listing shows it: without the request's attributes."""
    whole = session_view(session, now)
    shown = {name: whole[name] for name in LISTED}
    return {
        "session_uuid": session.session_uuid,
        "status": whole["status"],
        "first_party": whole["first_party"],
        "second_party": whole["second_party"],
        "virtual_number": session.virtual_number,
        "created_time": whole["created_time"],
        "modified_time": whole["modified_time"],
        "expiry_time": whole["expiry_time"],
        **shown,
        "erased_at": whole["erased_at"],
        "carrier_session_uuid": session.carrier_session_uuid,
        "labels": whole["labels"],
        "version": session.version,
        "resource_uri": f"/v1/sessions/{session.session_uuid}",
    }


def sessions_view(page: SessionPage, limit: int, now: datetime) -> dict[str, Any]:
    """Return a page of sessions, with the cursor of the next one."""
    shown = [listed_view(session, now) for session in page.sessions]
    return page_view(shown, limit=limit, cursor=page.cursor)


@dataclass(frozen=True)
class SessionPage:
    """Some sessions, without their requests, and the cursor of the next page."""

    sessions: tuple[Session, ...]
    cursor: str | None
