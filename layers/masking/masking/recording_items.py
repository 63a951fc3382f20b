"""The items of recordings: `recordings.Recording` as the table has it."""

from __future__ import annotations

from typing import Any

from masking.items import (
    RECORDING,
    Item,
    moment,
    name_of,
    owner_of,
    part,
    session_key,
    stamp,
)
from masking.recordings import Recording, Source, Status

TIMES = frozenset(
    {"announced_at", "lease_until", "failed_at", "stored_at", "deleted_at"}
)

# In the keys of the item, or with a meaning only as a whole.
APART = frozenset({"session_uuid", "recording_uuid", "call"})


def recording_item(recording: Recording) -> Item:
    """Build a recording's item; what is unset is left out.

    The table purges it when its retention is over, and never while it is held.
    """
    item: Item = {
        "pk": session_key(recording.session_uuid),
        "sk": part(RECORDING, recording.recording_uuid),
    }
    for name in recording.__dataclass_fields__:
        value = getattr(recording, name)
        if name in APART or value in (None, False, 0, ""):
            continue
        item[name] = stamp(value) if name in TIMES else value
    if recording.call:
        item["call"] = dict(recording.call)
    if recording.expires_at:
        item["purge_at"] = int(recording.expires_at.timestamp())
    return item


def recording_from(item: Item) -> Recording:
    """Build a recording from its item."""
    values: dict[str, Any] = {
        name: moment(item[name]) if name in TIMES else item[name]
        for name in Recording.__dataclass_fields__
        if name in item
    }
    return Recording(
        **{
            **values,
            "session_uuid": owner_of(item),
            "recording_uuid": name_of(item),
            "status": Status(item["status"]),
            "source": Source(item["source"]),
            "format": item.get("format", ""),
        }
    )
