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

from masking.core import numbers
from masking.core.key_space import Item, name_of, owner_of
from masking.core.times import rfc3339, stamp
from masking.domain import plivo_events, sessions
from masking.domain.callback_event import CallbackEvent
from masking.domain.recordings import recording_uuid_of
from masking.domain.sessions import (
    LEASE,
    NAMESPACE,
    PARTY_FIELDS,
    Session,
    Status,
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
    *session_uuid* is None for what is of no session.
    """

    type: str
    id: str
    occurred_at: str
    session_uuid: str | None
    tenant_id: str
    data: Mapping[str, Any]
    webhook: str | None = None

    def detail(self) -> dict[str, Any]:
        """Give the event as the detail of an EventBridge event."""
        return {
            "id": self.id,
            "type": self.type,
            "occurred_at": self.occurred_at,
            **({"session_uuid": self.session_uuid} if self.session_uuid else {}),
            "tenant_id": self.tenant_id,
            **self.data,
            **({"webhook": self.webhook} if self.webhook else {}),
        }


def type_of_change(before: Session | None, after: Session) -> str | None:
    """Name the event that a change of a session's state is; None if it is none."""
    was = before.status if before else None
    if _is_expired(after) and was is not Status.EXPIRED:
        return "session.expired"
    if after.status is not Status.ACTIVE:
        return None
    if was is not Status.ACTIVE:
        return "session.created"
    if before and before.pending and not after.pending and _differs(before, after):
        return "session.updated"
    return None


def types_of_change(before: Session | None, after: Session) -> list[str]:
    """Name every event that a change of a session's state is, in their order.

    A session that is adopted after it has ended began and ended. That totals became
    final or that something was mended may come with another event.
    """
    kinds = []
    if _is_expired(after) and after.carrier_session_uuid and is_new_at_carrier(before):
        kinds.append("session.created")
    kind = type_of_change(before, after)
    if kind:
        kinds.append(kind)
    if after.settled and (before is None or before.settled != after.settled):
        kinds.append("session.settled")
    if after.repaired and (before is None or before.version != after.version):
        kinds.append("reconciliation.repaired")
    return kinds


def is_new_at_carrier(before: Session | None) -> bool:
    """Say whether a session that Plivo now has was not known to be there before."""
    return before is None or before.carrier_session_uuid is None


def has_other_parties(before: Session | None, after: Session) -> bool:
    """Say whether a party was added since."""
    was = before.answered if before else {}
    return any(
        was.get(name) != after.answered.get(name) for name in PARTY_FIELDS.values()
    )


def linked_since(before: Session | None, after: Session) -> datetime:
    """Say since when a session has the parties that it has now.

    That is its reservation, or the update by which one was added.
    """
    update = before.pending if before else None
    if update and update.changes.keys() & set(PARTY_FIELDS.values()):
        return update.lease_until - LEASE
    return after.reserved_at


def has_been_given_up(before: Session | None, after: Session) -> bool:
    """Say whether a create has just ended without a session at Plivo."""
    closed = (Status.FAILED, Status.ABANDONED)
    return after.status in closed and (before is None or before.status not in closed)


def is_newly_in_doubt(before: Session | None, after: Session) -> bool:
    """Say whether an update or an ending has just set out for Plivo.

    If its function is killed nobody else knows; so a check is sent to follow it. One
    is sent as well where the sweep has ended a session that may be alive at Plivo.
    """
    if after.status is Status.EXPIRED:
        return after.doubted and (before is None or not _is_expired(before))
    if after.doubted or not sessions.is_in_doubt(after):
        return False
    return before is None or sessions.lease_of(before) != sessions.lease_of(after)


def may_have_orphans(before: Session | None, after: Session) -> bool:
    """Say whether a create has just ended that was sent to Plivo more than once.

    What an earlier attempt made may show up at Plivo only now.
    """
    ended = before is not None and before.status is Status.RESERVED
    return ended and after.status is not Status.RESERVED and after.attempt > 1


def tells_of_another(event: CallbackEvent, session: Session) -> bool:
    """Return whether a callback on our path is about a session that we don't hold."""
    told = event.carrier_session_uuid
    return told is not None and told != session.carrier_session_uuid


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
            "expiry_time": rfc3339(session.expiry_time),
            "labels": dict(session.labels),
            **_particulars(kind, session),
        },
        webhook=webhook_of(kind, session),
    )


def event_of_callback(
    event: CallbackEvent,
    session: Session,
    call: Mapping[str, Any] | None = None,
    kind: str | None = None,
) -> Event | None:
    """Return the bus event of a callback that is kept; None if it has none.

    *call* is the call that it belongs to as far as is known by now, as JSON values;
    *kind* overrides the type that Plivo's name of the event has.
    """
    attributes = event.attributes
    kind = kind or plivo_events.type_of(attributes)
    if kind is None:
        return None
    parties = parties_of(session)
    data: dict[str, Any] = {
        "version": session.version,
        "labels": dict(session.labels),
        "from": plivo_events.role_of(attributes.get("From"), parties),
        "to": plivo_events.role_of(attributes.get("To"), parties),
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
        id=_id(event.digest, kind),
        occurred_at=event.occurred_at,
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data=data,
        webhook=webhook_of(kind, session),
    )


def webhook_of(kind: str, session: Session) -> str | None:
    """Name the URL of the session's that events of this type go to, if it has it."""
    if kind in plivo_events.INTERNAL:
        return None
    about_recording = kind.startswith("recording.")
    name = "recording_callback_url" if about_recording else "callback_url"
    return name if session.settings.get(name) else None


def event_of_recording(
    item: Item,
    occurred_at: str,
    before: Item | None = None,
    session: Session | None = None,
) -> Event | None:
    """Give the event of a step in a recording's life; None where it is none.

    *before* is the recording's item as it was, *session* its session. What a callback
    told is an event of that callback, so the first step of such a recording is none.
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
    names = [owner_of(item), name_of(item), kind]
    return Event(
        type=kind,
        id=_id(*names, turn) if turn else _id(*names),
        occurred_at=occurred_at,
        session_uuid=names[0],
        tenant_id=item["tenant_id"],
        data={
            "recording_uuid": names[1],
            **{name: item[name] for name in TOLD[kind] if name in item},
            **(
                {"version": session.version, "labels": dict(session.labels)}
                if session
                else {}
            ),
        },
        webhook=webhook_of(kind, session) if session else None,
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


def event_of_erasure(before: Item, after: Item) -> Event | None:
    """Give the event of an erasure that is complete; None where it is not newly so."""
    if "completed_at" in before or "completed_at" not in after:
        return None
    kind = "erasure.completed"
    erasure_id = owner_of(after)
    return Event(
        type=kind,
        id=_id(erasure_id, kind),
        occurred_at=after["completed_at"],
        session_uuid=None,
        tenant_id=after["tenant_id"],
        data={
            "erasure_id": erasure_id,
            "requested_at": after["requested_at"],
            "found": dict(after["found"]),
        },
    )


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


def strangers_in(event: CallbackEvent, session: Session) -> list[str]:
    """List the numbers in a callback that called and are neither party."""
    caller = numbers.normal_or_none(event.attributes.get("From"))
    known = {session.settings.get(name) for name in PARTY_FIELDS.values()}
    known.add(session.virtual_number)
    return [caller] if caller and caller not in known else []


# What an app accounts by, with what stands for nothing.
TOTALS = {
    "amount": "0",
    "total_call_amount": "0",
    "total_call_count": 0,
    "total_call_billed_duration": 0,
    "total_session_amount": "0",
}


def _particulars(kind: str, session: Session) -> dict[str, Any]:
    if kind == "session.settled" and session.settled:
        totals = {k: session.answered.get(k, unset) for k, unset in TOTALS.items()}
        return {"changed": list(session.settled.changed), **totals}
    if kind == "reconciliation.repaired":
        return {"repair": session.repaired}
    return {}


def _is_expired(session: Session) -> bool:
    return session.status is Status.EXPIRED


def _differs(before: Session, after: Session) -> bool:
    return (before.answered, before.expiry_time) != (after.answered, after.expiry_time)


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))
