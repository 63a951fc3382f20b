"""From what was written to the table to events for the bus. Rules alone.

Each event has an id that is the same however often the same change is seen: for a
session the UUID of session, version and type, for a callback that of its hash and
type. No event holds a personal number: the parties are `first` and `second`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from masking import events, numbers, sessions
from masking.items import Item, stamp
from masking.sessions import NAMESPACE, Session, Status
from masking.views import time_view

if TYPE_CHECKING:
    from masking.recordings import Recording

# Why a recording failed that Plivo could not even begin: its callback is the event.
NOT_RECORDED = "not_recorded"

PARTIES = {"first": "first_party", "second": "second_party"}


@dataclass(frozen=True)
class Event:
    """One event for the bus; *data* is JSON values."""

    type: str
    id: str
    occurred_at: str
    session_uuid: str
    tenant_id: str
    data: Mapping[str, Any]

    def detail(self) -> dict[str, Any]:
        """Give the event as the detail of an EventBridge event."""
        return {
            "id": self.id,
            "type": self.type,
            "occurred_at": self.occurred_at,
            "session_uuid": self.session_uuid,
            "tenant_id": self.tenant_id,
            **self.data,
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
    )


def event_of_callback(item: Item, session: Session) -> Event | None:
    """Give the event that a kept callback is; None if it is none."""
    attributes = item["attributes"]
    kind = events.type_of(attributes)
    if kind is None:
        return None
    digest = item["sk"].removeprefix("E#")
    parties = {role: session.settings.get(name) for role, name in PARTIES.items()}
    data: dict[str, Any] = {
        "version": session.version,
        "labels": dict(session.labels),
        "from": events.role_of(attributes.get("From"), parties),
        "to": events.role_of(attributes.get("To"), parties),
        "carrier_event": events.impersonal(attributes),
        "callback": digest,
    }
    if kind.startswith("recording."):
        data["recording_uuid"] = recording_uuid_of(attributes, digest)
    if kind == "recording.failed":
        data["reason"] = NOT_RECORDED
    return Event(
        type=kind,
        id=_id(digest, kind),
        occurred_at=item["received_at"],
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data=data,
    )


def event_of_recording(
    item: Item, occurred_at: str, before: Item | None = None
) -> Event | None:
    """Give the event of a step in a recording's life; None where it is none.

    *before* is the recording's item as it was. What a callback told is an event of
    that callback, so the first step of such a recording is none.
    """
    was, now = (before or {}).get("status"), item.get("status")
    nudges = item.get("nudges", 0)
    told = item.get("source") == "callback"
    if now == "announced":
        again = nudges != (before or {}).get("nudges", 0)
        if (was is None and told) or (was == now and not again):
            return None
        kind, turn = "recording.announced", str(nudges)
    elif was == now or (was is None and item.get("reason") == NOT_RECORDED):
        return None
    elif now == "failed":
        kind, turn = "recording.failed", str(item.get("failures", 0))
    elif now in ("stored", "deleting", "deleted"):
        kind, turn = f"recording.{now}", ""
    else:
        return None
    names = [item["pk"].removeprefix("S#"), item["sk"].removeprefix("R#"), kind]
    return Event(
        type=kind,
        id=_id(*names, turn) if turn else _id(*names),
        occurred_at=occurred_at,
        session_uuid=names[0],
        tenant_id=item["tenant_id"],
        data={
            "recording_uuid": names[1],
            **{name: item[name] for name in TOLD[kind] if name in item},
        },
    )


# What the events of recordings tell, if it is known. No URL of Plivo's: an audio file
# is public to whoever has it.
TOLD: Mapping[str, tuple[str, ...]] = {
    "recording.announced": ("format", "duration", "call"),
    "recording.stored": (
        *("bucket", "key", "format", "bytes", "sha256", "duration", "call"),
    ),
    "recording.failed": ("reason", "explanation", "format", "duration", "call"),
    "recording.deleting": (),
    "recording.deleted": ("bytes", "sha256"),
}


def event_of_access(recording: Recording, request_id: str, now: datetime) -> Event:
    """Give the event of somebody having been given a link to a recording."""
    kind = "recording.accessed"
    return Event(
        type=kind,
        id=_id(recording.session_uuid, recording.recording_uuid, kind, request_id),
        occurred_at=stamp(now),
        session_uuid=recording.session_uuid,
        tenant_id=recording.tenant_id,
        data={"recording_uuid": recording.recording_uuid, "request_id": request_id},
    )


def strangers_in(item: Item, session: Session) -> list[str]:
    """List the numbers in a callback that called and are neither party."""
    caller = numbers.normal_or_none(item["attributes"].get("From"))
    known = {session.settings.get(name) for name in PARTIES.values()}
    known.add(session.virtual_number)
    return [caller] if caller and caller not in known else []


def recording_uuid_of(attributes: Mapping[str, str], otherwise: str = "") -> str:
    """Give Plivo's name of a recording; one made of its URL where that is no UUID.

    One without a URL, since it was never made, gets its name from *otherwise*, the
    hash of its callback.
    """
    try:
        return str(uuid.UUID(attributes.get("RecordingUUID", "")))
    except ValueError:
        named = attributes.get("RecordingURL") or otherwise
        return str(uuid.uuid5(NAMESPACE, named))


def _differs(before: Session, after: Session) -> bool:
    return (before.answered, before.expiry_time) != (after.answered, after.expiry_time)


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))
