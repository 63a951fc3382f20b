"""How a session looks to the app: Plivo's attributes, clean types, ours beside them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from masking.api.interaction_views import interaction_view
from masking.api.pages import page_view
from masking.api.timeline_views import call_view
from masking.core.times import rfc3339
from masking.domain import sessions
from masking.domain.calls import Call
from masking.domain.sessions import Session, Status

# The attributes of Plivo's page in its order; those without a default are null.
ATTRIBUTES: Mapping[str, Any] = {
    "initiate_call_to_first_party": False,
    "callback_url": None,
    "callback_method": "POST",
    "geomatch": True,
    "subaccount": None,
    "call_time_limit": None,
    "ring_timeout": None,
    "first_party_play_url": None,
    "second_party_play_url": None,
    "unknown_caller_play": None,
    "record": False,
    "record_file_format": "mp3",
    "recording_retention_days": None,
    "recording_callback_url": None,
    "recording_callback_method": "POST",
    "is_pin_authentication_required": False,
    "generate_pin": None,
    "generate_pin_length": None,
    "first_party_pin": None,
    "second_party_pin": None,
    "pin_prompt_play": None,
    "pin_retry": None,
    "pin_retry_wait": None,
    "incorrect_pin_play": None,
    "force_pin_authentication": None,
    "create_session_with_single_party": False,
    "virtual_number_cooloff_period": 0,
    "amount": "0",
    "total_call_amount": "0",
    "total_call_count": 0,
    "total_call_billed_duration": 0,
    "total_session_amount": "0",
    "last_interaction_time": None,
}


def envelope(message: str, session: Session, now: datetime) -> dict[str, Any]:
    """Return the envelope in which Plivo answers a create and an update."""
    return {
        "api_id": str(uuid.uuid4()),
        "message": message,
        "session": session_view(session, now),
    }


def created_headers(session: Session, *, replayed: bool) -> dict[str, str]:
    """Return the headers of a create; *replayed* if an earlier request made it."""
    headers = {
        "location": f"/v1/sessions/{session.session_uuid}",
        "etag": etag(session),
    }
    return {**headers, "idempotent-replayed": "true"} if replayed else headers


def etag(session: Session) -> str:
    """Return the entity tag of a session, by which If-Match names its version."""
    return f'"{session.version}"'


def with_calls(
    session: Session, calls: Iterable[Call], now: datetime
) -> dict[str, Any]:
    """Return a session in the envelope of Plivo's get, with its calls."""
    return {
        "api_id": str(uuid.uuid4()),
        "session": {
            **session_view(session, now),
            "calls": [call_view(call) for call in calls],
        },
    }


def session_view(session: Session, now: datetime) -> dict[str, Any]:
    """Return a session as JSON values: times in RFC 3339, amounts as strings."""
    settings = session.settings
    return {
        "session_uuid": session.session_uuid,
        "status": _status(session, now),
        "first_party": settings.get("first_party"),
        "second_party": settings.get("second_party"),
        "virtual_number": session.virtual_number,
        "created_time": rfc3339(session.created_time),
        "modified_time": rfc3339(session.modified_time),
        "expiry_time": rfc3339(session.expiry_time),
        "duration": settings.get("duration"),
        **{name: settings.get(name, unset) for name, unset in ATTRIBUTES.items()},
        "interaction": [interaction_view(call) for call in session.calls],
        "settled_time": rfc3339(session.settled.at) if session.settled else None,
        "erased_at": rfc3339(session.erased_at),
        "carrier_session_uuid": session.carrier_session_uuid,
        "labels": dict(session.labels),
        "version": session.version,
    }


LISTED = (
    "duration",
    "amount",
    "total_call_amount",
    "total_call_count",
    "total_call_billed_duration",
    "total_session_amount",
    "last_interaction_time",
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


def _status(session: Session, now: datetime) -> str:
    """Return Plivo's word for a session's state; `pending` before Plivo confirms it."""
    if sessions.is_over(session, now):
        return "expired"
    if session.status in (Status.ACTIVE, Status.ENDING):
        return session.status.value
    return "pending" if session.status is Status.RESERVED else "failed"


@dataclass(frozen=True)
class SessionPage:
    """Some sessions, without their requests, and the cursor of the next page."""

    sessions: tuple[Session, ...]
    cursor: str | None
