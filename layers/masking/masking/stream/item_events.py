"""Build the bus events of recordings and erasures from their items."""

from __future__ import annotations

from collections.abc import Mapping

from masking.core.key_space import Item, name_of, owner_of
from masking.domain.bus_events import NOT_RECORDED, Event, event_id, webhook_of
from masking.domain.sessions import Session


def event_of_recording(
    item: Item,
    occurred_at: str,
    before: Item | None = None,
    session: Session | None = None,
) -> Event | None:
    """Return the event of a step in a recording's life; None if it has none.

    *before* is the recording's item as it was, *session* its session. A recording
    that a callback announced has no event for that: the callback has it.
    """
    was, now = (before or {}).get("status"), item.get("status")
    nudges = item.get("nudges", 0)
    from_callback = item.get("source") == "callback"
    if now == "announced":
        again = nudges != (before or {}).get("nudges", 0)
        if (was is None and from_callback) or (was is not None and not again):
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
        id=event_id(*names, turn) if turn else event_id(*names),
        occurred_at=occurred_at,
        session_uuid=names[0],
        tenant_id=item["tenant_id"],
        data={
            "recording_uuid": names[1],
            **{name: item[name] for name in PUBLISHED_FIELDS[kind] if name in item},
            **(
                {"version": session.version, "labels": dict(session.labels)}
                if session
                else {}
            ),
        },
        webhook=webhook_of(kind, session) if session else None,
    )


# What events of recordings hold, if it is known. No URL of Plivo's: an audio file is
# public to whoever has its URL.
PUBLISHED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "recording.announced": ("format", "duration", "call"),
    "recording.stored": (
        *("bucket", "key", "format", "bytes", "sha256", "duration", "call"),
        *("file_duration", "contradictions"),
    ),
    "recording.failed": ("reason", "explanation", "format", "duration", "call"),
    "recording.deleting": (),
    "recording.deleted": ("bytes", "sha256"),
}


def event_of_erasure(before: Item, after: Item) -> Event | None:
    """Return the event of an erasure that is complete; None if it was so before."""
    if "completed_at" in before or "completed_at" not in after:
        return None
    kind = "erasure.completed"
    erasure_id = owner_of(after)
    return Event(
        type=kind,
        id=event_id(erasure_id, kind),
        occurred_at=after["completed_at"],
        session_uuid=None,
        tenant_id=after["tenant_id"],
        data={
            "erasure_id": erasure_id,
            "requested_at": after["requested_at"],
            "found": dict(after["found"]),
        },
        webhook="callback_url" if "callback_url" in after else None,
    )
