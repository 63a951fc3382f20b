"""From what was written to the table to events for the bus. Rules alone.

Each event has an id that is the same however often the same change is seen: for a
session the UUID of session, version and type, for a callback that of its hash and
type. No event holds a personal number: the parties are `first` and `second`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from masking import events, numbers, sessions
from masking.calls import Call
from masking.history import time_of
from masking.items import Item, stamp
from masking.sessions import NAMESPACE, Session, Status
from masking.story import call_view
from masking.views import time_view

PARTIES = {"first": "first_party", "second": "second_party"}


@dataclass(frozen=True)
class Event:
    """One event for the bus; *data* is JSON values.

    *webhook* names the session's URL that it is to be delivered to, if there is one.
    """

    type: str
    id: str
    occurred_at: str
    session_uuid: str
    tenant_id: str
    data: Mapping[str, Any]
    webhook: str | None = None

    def detail(self) -> dict[str, Any]:
        """Give the event as the detail of an EventBridge event."""
        return {
            "id": self.id,
            "type": self.type,
            "occurred_at": self.occurred_at,
            "session_uuid": self.session_uuid,
            "tenant_id": self.tenant_id,
            **self.data,
            **({"webhook": self.webhook} if self.webhook else {}),
        }


def type_of_change(before: Session | None, after: Session) -> str | None:
    """Name the event that a change of a session's state is; None if it is none."""
    was = before.status if before else None
    if after.status is Status.EXPIRED and was is not Status.EXPIRED:
        return "session.expired"
    if after.status is not Status.ACTIVE:
        return None
    if was is not Status.ACTIVE:
        return "session.created"
    if before and before.pending and not after.pending and _differs(before, after):
        return "session.updated"
    return None


def is_new_at_carrier(before: Session | None) -> bool:
    """Say whether a session that Plivo now has was not known to be there before."""
    return before is None or before.carrier_session_uuid is None


def is_newly_in_doubt(before: Session | None, after: Session) -> bool:
    """Say whether an update or an ending has just set out for Plivo.

    If its function is killed nobody else knows; so a check is sent to follow it.
    """
    if after.doubted or not sessions.is_in_doubt(after):
        return False
    return before is None or sessions.lease_of(before) != sessions.lease_of(after)


def event_of_session(kind: str, session: Session, occurred_at: str) -> Event:
    """Give the event of a session's change."""
    return Event(
        type=kind,
        id=_id(session.session_uuid, str(session.version), kind),
        occurred_at=occurred_at,
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data={
            "version": session.version,
            "carrier_session_uuid": session.carrier_session_uuid,
            "virtual_number": session.virtual_number,
            "expiry_time": time_view(session.expiry_time),
            "labels": dict(session.labels),
        },
        webhook=webhook_of(kind, session),
    )


def event_of_callback(
    item: Item, session: Session, call: Call | None = None, kind: str | None = None
) -> Event | None:
    """Give the event that a kept callback is; None if it is none.

    *call* is the one that it belongs to as far as is known by now; *kind* overrides
    the type that Plivo's name of the event has.
    """
    attributes = item["attributes"]
    kind = kind or events.type_of(attributes)
    if kind is None:
        return None
    digest = item["sk"].removeprefix("E#")
    parties = parties_of(session)
    data: dict[str, Any] = {
        "version": session.version,
        "labels": dict(session.labels),
        "from": events.role_of(attributes.get("From"), parties),
        "to": events.role_of(attributes.get("To"), parties),
        "carrier_event": events.impersonal(attributes),
        "callback": digest,
    }
    if call:
        data["call"] = call_view(call)
    if kind.startswith("recording."):
        data["recording_uuid"] = recording_uuid_of(attributes)
    return Event(
        type=kind,
        id=_id(digest, kind),
        occurred_at=_occurred_at(item),
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data=data,
        webhook=webhook_of(kind, session),
    )


def webhook_of(kind: str, session: Session) -> str | None:
    """Name the URL of the session's that events of this type go to, if it has it."""
    if kind in events.INTERNAL:
        return None
    about_recording = kind.startswith("recording.")
    name = "recording_callback_url" if about_recording else "callback_url"
    return name if session.settings.get(name) else None


def parties_of(session: Session) -> dict[str, str | None]:
    """Give the numbers of `first` and `second`."""
    return {role: session.settings.get(name) for role, name in PARTIES.items()}


def event_of_recording(
    item: Item, occurred_at: str, session: Session | None = None
) -> Event | None:
    """Give the event of a recording that has been stored; None before."""
    if item.get("status") != "stored":
        return None
    session_uuid = item["pk"].removeprefix("S#")
    recording_uuid = item["sk"].removeprefix("R#")
    kept = ("bucket", "key", "format", "bytes", "sha256", "duration")
    return Event(
        type="recording.stored",
        id=_id(session_uuid, recording_uuid, "recording.stored"),
        occurred_at=occurred_at,
        session_uuid=session_uuid,
        tenant_id=item["tenant_id"],
        data={
            "recording_uuid": recording_uuid,
            **{name: item[name] for name in kept if name in item},
            **(
                {"version": session.version, "labels": dict(session.labels)}
                if session
                else {}
            ),
        },
        webhook=webhook_of("recording.stored", session) if session else None,
    )


def strangers_in(item: Item, session: Session) -> list[str]:
    """List the numbers in a callback that called and are neither party."""
    caller = numbers.normal_or_none(item["attributes"].get("From"))
    known = {session.settings.get(name) for name in PARTIES.values()}
    known.add(session.virtual_number)
    return [caller] if caller and caller not in known else []


def recording_uuid_of(attributes: Mapping[str, str]) -> str:
    """Give Plivo's name of a recording; one made of its URL where that is no UUID."""
    try:
        return str(uuid.UUID(attributes.get("RecordingUUID", "")))
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, attributes.get("RecordingURL", "")))


def _occurred_at(item: Item) -> str:
    """Give when Plivo says it happened; when it came, if that can't be read."""
    said = time_of(item["attributes"].get("EventTimestamp", ""))
    return stamp(said) if said else str(item["received_at"])


def _differs(before: Session, after: Session) -> bool:
    return (before.answered, before.expiry_time) != (after.answered, after.expiry_time)


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))
