"""How a session looks to the app: Plivo's attributes, clean types, ours beside them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from masking.core.times import rfc3339
from masking.domain import carrier_answers, sessions
from masking.domain.sessions import EndedBy, Session, Status

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
}


def envelope(message: str, session: Session, now: datetime) -> dict[str, Any]:
    """Return the envelope in which Plivo answers a create and an update."""
    return {
        "api_id": str(uuid.uuid4()),
        "message": message,
        "session": session_view(session, now),
    }


def created(session: Session, now: datetime) -> dict[str, Any]:
    """Return the answer to a create, which has the two that an app needs on top."""
    return {
        **envelope("Session created", session, now),
        "session_uuid": session.session_uuid,
        "virtual_number": session.virtual_number,
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


def session_view(session: Session, now: datetime) -> dict[str, Any]:
    """Return a session as JSON values: times in RFC 3339, amounts as strings."""
    settings = session.settings
    expires = None if session.presumed else carrier_answers.shown_expiry(session)
    return {
        "session_uuid": session.session_uuid,
        "status": status_of(session, now),
        "first_party": settings.get("first_party"),
        "second_party": settings.get("second_party"),
        "virtual_number": session.virtual_number,
        "created_time": rfc3339(session.created_time),
        "modified_time": rfc3339(session.modified_time),
        "expiry_time": rfc3339(expires),
        "duration": settings.get("duration"),
        **_end(session, now),
        **{name: settings.get(name, unset) for name, unset in ATTRIBUTES.items()},
        **carrier_answers.totals_of(session),
        "totals_as_of": rfc3339(session.totals_as_of),
        "interaction": [
            {**(shown := interaction_view(call)), **_urls_of(shown, session, place)}
            for place, call in enumerate(session.calls)
        ],
        "settled_time": rfc3339(session.settled.at) if session.settled else None,
        "erased_at": rfc3339(session.erased_at),
        "carrier_session_uuid": session.carrier_session_uuid,
        "labels": dict(session.labels),
        "version": session.version,
    }


def status_of(session: Session, now: datetime) -> str:
    """Return the word for a session's state.

    Beside Plivo's own: `pending` before Plivo confirms it, `updating` while it may be
    over or not, which only Plivo knows.
    """
    if sessions.is_over(session, now):
        return "expired"
    if not sessions.is_live(session):
        return "pending" if session.status is Status.RESERVED else "failed"
    if session.status is Status.ACTIVE and sessions.may_be_over(session, now):
        return "updating"
    return session.status.value


def _end(session: Session, now: datetime) -> dict[str, Any]:
    """Return when and why a session is over; null while it is not, or not known."""
    if not sessions.is_over(session, now):
        return {"ended_time": None, "ended_by": None}
    by_clock = session.status is not Status.EXPIRED
    surely = by_clock and not sessions.is_in_doubt(session)
    ended = session.expiry_time if surely else session.ended_time
    by = EndedBy.EXPIRY if by_clock else session.ended_by
    return {"ended_time": rfc3339(ended), "ended_by": by.value if by else None}


LEGS = ("first_party", "second_party")

UUID_AT_END = re.compile(r"/([0-9A-Fa-f-]{36})/?$")


def interaction_view(interaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return one cleaned interaction as a call: JSON values, null where unset."""
    legs = [leg for name in LEGS if (leg := _leg(interaction, name))]
    return {
        "start_time": interaction.get("start_time"),
        "end_time": interaction.get("end_time"),
        "outcome": _outcome(interaction, legs),
        "duration": _seconds(interaction.get("duration")),
        "billed_duration": interaction.get("call_billed_duration", 0),
        "amount": interaction.get("total_call_amount", "0"),
        "legs": legs,
        "recording_uuid": _uuid_in(interaction.get("recording_resource_url")),
    }


def _urls_of(
    shown: Mapping[str, Any], session: Session, place: int
) -> dict[str, str | None]:
    """Return where an app finds the parts of a call, which its key opens.

    Plivo's own addresses name its account and open with Plivo's credentials alone. A
    leg is found in the session, by a JSON pointer (RFC 6901); null where there is none.
    """
    legs = [leg["party"] for leg in shown["legs"]]
    call = f"/v1/sessions/{session.session_uuid}#/session/interaction/{place}"
    recording = shown["recording_uuid"]
    return {
        **{
            f"{name}_resource_url": f"{call}/legs/{legs.index(party)}"
            if (party := name.removesuffix("_party")) in legs
            else None
            for name in LEGS
        },
        "recording_resource_url": f"/v1/recordings/{recording}" if recording else None,
    }


# Known of a leg once its record has been fetched, after the session's end.
RECORD = (
    "answer_time",
    "end_time",
    "duration",
    "billed_duration",
    "amount",
    "hangup_cause",
    "hangup_cause_code",
    "hangup_source",
)


def _leg(interaction: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return a leg; None if Plivo never dialed it."""
    url = interaction.get(f"{name}_resource_url")
    status = interaction.get(f"{name}_status")
    record = interaction.get(f"{name}_leg") or {}
    if url is None and status is None and not record:
        return None
    return {
        "party": name.removesuffix("_party"),
        "call_uuid": record.get("call_uuid") or _uuid_in(url),
        "outcome": _outcome_of_leg(status),
        **{field: record.get(field) for field in RECORD},
    }


def _outcome_of_leg(status: str | None) -> str | None:
    return (
        carrier_answers.LEG_OUTCOMES.get(status.lower(), "failed") if status else None
    )


def _outcome(interaction: Mapping[str, Any], legs: list[dict[str, Any]]) -> str | None:
    """Return the outcome of a call: `answered` once both legs were.

    The leg that was dialed last decides; where Plivo gives no status, a call with
    two legs that was billed was answered, and of any other nothing is known.
    """
    if not legs:
        return None
    last = legs[-1]["outcome"]
    if last == "answered" and len(legs) < len(LEGS):
        return "not_connected"
    if last is None and len(legs) == len(LEGS) and interaction.get("end_time"):
        return "answered" if interaction.get("call_billed_duration") else None
    return str(last) if last else None


def _seconds(value: str | None) -> int | None:
    """Return whole seconds; Plivo sends a fraction."""
    # A new session has no calls.
    from masking.core import amounts

    return amounts.seconds(value)


def _uuid_in(url: str | None) -> str | None:
    """Return the UUID that a resource URL ends in; the URL names Plivo's account."""
    match = UUID_AT_END.search(url) if url else None
    return match[1].lower() if match else None
