"""Build the events that go to the bus.

Each event has an id that is the same however often the same change is seen: for a
session the UUID of session, version and type, for a callback that of its hash and
type. No event holds a personal number: the parties are `first` and `second`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from masking.core import numbers
from masking.core.amounts import CURRENCY
from masking.core.times import rfc3339, stamp
from masking.domain import plivo_events, session_changes
from masking.domain.callback_event import CallbackEvent
from masking.domain.carrier_answers import TOTALS, shown_expiry, totals_of
from masking.domain.recordings import recording_uuid_of
from masking.domain.sessions import (
    NAMESPACE,
    Session,
    parties_of,
)

if TYPE_CHECKING:
    from masking.domain.recordings import Recording


# Why a recording failed that Plivo could not even begin: its callback is the event.
NOT_RECORDED = "not_recorded"


@dataclass(frozen=True)
class Event:
    """One event for the bus; *data* is JSON values.

    *webhook* names the session's URL that it is to be delivered to, if there is one;
    *session_uuid* is None for an event that belongs to no session. *sequence* orders
    the events of a session as text (see `numbered`).
    """

    type: str
    id: str
    occurred_at: str
    session_uuid: str | None
    tenant_id: str
    data: Mapping[str, Any]
    webhook: str | None = None
    sequence: str | None = None

    def detail(self) -> dict[str, Any]:
        """Return the event as the detail of an EventBridge event."""
        return {
            "id": self.id,
            "type": self.type,
            "occurred_at": self.occurred_at,
            **({"session_uuid": self.session_uuid} if self.session_uuid else {}),
            **({"sequence": self.sequence} if self.sequence else {}),
            "tenant_id": self.tenant_id,
            **self.data,
            **({"webhook": self.webhook} if self.webhook else {}),
        }


# The names of an event's detail that are fields of their own.
FIELDS = frozenset(
    {"id", "type", "occurred_at", "session_uuid", "sequence", "tenant_id", "webhook"}
)


def event_in(detail: Mapping[str, Any]) -> Event:
    """Return the event that has this detail."""
    return Event(
        type=detail["type"],
        id=detail["id"],
        occurred_at=detail["occurred_at"],
        session_uuid=detail.get("session_uuid"),
        tenant_id=detail["tenant_id"],
        data={name: value for name, value in detail.items() if name not in FIELDS},
        webhook=detail.get("webhook"),
        sequence=detail.get("sequence"),
    )


def without_person(event: Event) -> Event | None:
    """Return what may be told after an erasure; None of what somebody did in a call."""
    if event.data.keys() & {"call", "callback", "carrier_event"}:
        return None
    if "labels" not in event.data:
        return event
    return replace(event, data={**event.data, "labels": {}})


# A place in the table's stream has 21 to 40 digits. A settlement is an event for each
# call, and so a change of more than 10,000 events is none.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
PLACE_DIGITS = 40
EVENT_DIGITS = 4


def numbered(
    events: Sequence[Event], place: str | None, *, first: int = 0
) -> list[Event]:
    """Return the events of one change with their sequence, from *first* on.

    *place* is the change's place in the table's stream, which has the changes of one
    session in the order in which they were written; None if that is not known.
    """
    if not place:
        return list(events)
    return [
        replace(event, sequence=f"{place:0>{PLACE_DIGITS}}{number:0{EVENT_DIGITS}}")
        if event.session_uuid
        else event
        for number, event in enumerate(events, first)
    ]


def event_of_session(
    kind: str, session: Session, occurred_at: str, before: Session | None = None
) -> Event:
    """Return the event of a session's change; *before* is the session as it was."""
    return Event(
        type=kind,
        id=event_id(session.session_uuid, str(session.version), kind),
        occurred_at=occurred_at,
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data={
            "version": session.version,
            "carrier_session_uuid": session.carrier_session_uuid,
            "virtual_number": session.virtual_number,
            "expiry_time": None if session.presumed else rfc3339(shown_expiry(session)),
            "labels": dict(session.labels),
            **_particulars(kind, session, before),
        },
        webhook=webhook_of(kind, session),
    )


def event_of_callback(
    event: CallbackEvent,
    session: Session,
    call: Mapping[str, Any] | None = None,
    kind: str | None = None,
) -> Event | None:
    """Return the bus event of a callback that is kept; None if it has none, or no name.

    *call* is the call that it belongs to as far as is known by now, as JSON values;
    *kind* overrides the type that Plivo's name of the event has.
    """
    attributes = event.attributes
    kind = kind or plivo_events.type_of(attributes)
    if kind is None or not attributes.get("EventName"):
        return None
    parties = parties_of(session)
    data: dict[str, Any] = {
        "version": session.version,
        "labels": dict(session.labels),
        "from": plivo_events.role_of(attributes.get("From"), parties),
        "to": plivo_events.callee_role_of(attributes.get("To"), parties),
        "carrier_event": plivo_events.without_personal_data(attributes),
        "callback": event.digest,
    }
    if call:
        data["call"] = call
    if kind.startswith("recording."):
        data["recording_uuid"] = recording_uuid_of(attributes, event.digest)
    if kind == "recording.failed":
        data["reason"] = NOT_RECORDED
    return Event(
        type=kind,
        id=event_id(event.digest, kind),
        occurred_at=event.occurred_at,
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data=data,
        webhook=webhook_of(kind, session),
    )


def event_of_call(
    kind: str,
    call: Mapping[str, Any],
    call_id: str,
    session: Session,
    *,
    turn: int,
    callback: CallbackEvent | None = None,
) -> Event:
    """Return the event of a call's end or of its correction, of which each has one id.

    *call* is the call as JSON values, *callback* what told of its end; without one
    Plivo's records did. *turn* counts the corrections.
    """
    by_callback = callback and event_of_callback(callback, session, call, kind)
    data = by_callback.data if by_callback else {}
    ended = call["ended_at"] or call["started_at"]
    return Event(
        type=kind,
        id=event_id(session.session_uuid, call_id, kind, str(turn)),
        occurred_at=by_callback.occurred_at if by_callback else ended or EPOCH,
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data={
            "version": session.version,
            "labels": dict(session.labels),
            "from": call["caller"],
            "to": call["callee"],
            **data,
            "call": call,
            "call_id": call_id,
        },
        webhook=webhook_of(kind, session),
    )


# When what happened at a time that nobody knows is said to have happened.
EPOCH = "1970-01-01T00:00:00Z"


def webhook_of(kind: str, session: Session) -> str | None:
    """Return the name of the session's URL for events of this type, if it has one."""
    if kind in plivo_events.INTERNAL:
        return None
    about_recording = kind.startswith("recording.")
    name = "recording_callback_url" if about_recording else "callback_url"
    return name if session.settings.get(name) else None


def with_numbers(event: Event, attributes: Mapping[str, str], old: str | None) -> Event:
    """Return a `number.replaced` with the new virtual number and the *old* one."""
    new = numbers.normal_or_none(attributes.get("VirtualNumber"))
    return replace(
        event, data={**event.data, "virtual_number": new, "old_virtual_number": old}
    )


def event_of_access(recording: Recording, request_id: str, now: datetime) -> Event:
    """Return the event that somebody has been given a link to a recording."""
    kind = "recording.accessed"
    return Event(
        type=kind,
        id=event_id(recording.session_uuid, recording.recording_uuid, kind, request_id),
        occurred_at=stamp(now),
        session_uuid=recording.session_uuid,
        tenant_id=recording.tenant_id,
        data={"recording_uuid": recording.recording_uuid, "request_id": request_id},
    )


def _particulars(kind: str, session: Session, before: Session | None) -> dict[str, Any]:
    if kind == "session.updated":
        changed = session_changes.changed_names(before, session) if before else []
        return {"changed": changed}
    if kind == "session.settled" and session.settled:
        known = totals_of(session)
        totals = {name: known[name] for name in TOTALS}
        changed = list(session.settled.changed)
        return {"changed": changed, **totals, "currency": CURRENCY}
    if kind == "session.expired":
        return {
            "ended_time": rfc3339(session.ended_time),
            "ended_by": session.ended_by.value if session.ended_by else None,
            "duration": session.answered.get("duration"),
        }
    if kind == "reconciliation.repaired":
        if before and session_changes.has_ended_update(before, session):
            update = session_changes.end_of_update(before, session)
            return {"repair": session.repaired, "update": update}
        return {"repair": session.repaired}
    return {}


def event_id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))
