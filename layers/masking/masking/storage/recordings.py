"""Recordings, their holds and their retention.

| access                               | request units                    |
|--------------------------------------|----------------------------------|
| announced, claimed, closed           | 1 write each, 1 read before each |
"""

from __future__ import annotations

from typing import Any

from masking.core.errors import StaleStateError
from masking.core.key_space import (
    HOLD,
    LINK,
    RECORDING,
    RECORDINGS,
    Item,
    name_of,
    owner_of,
    part_key,
    recording_key,
    session_key,
    tenant_key,
)
from masking.core.times import parse_stamp, stamp
from masking.domain.recordings import Recording, Source, Status
from masking.storage.table import (
    IS_NEW,
    IS_UNCHANGED,
    ConditionFailedError,
    Table,
)


class RecordingStore:
    """Recordings: one write for each step, one read before it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, session_uuid: str, recording_uuid: str) -> Recording | None:
        """Read a recording, consistently."""
        item = self._table.get(
            session_key(session_uuid), part_key(RECORDING, recording_uuid)
        )
        return recording_from(item) if item else None

    def of_session(self, session_uuid: str) -> list[Recording]:
        """Read all recordings of a session, in no order that means anything."""
        found = self._table.parts(
            session_key(session_uuid), part_key(RECORDING, ""), consistent=False
        )
        return [recording_from(item) for item in found]

    def add(self, recording: Recording) -> bool:
        """Write a new recording; False if it is there already, and changes nothing."""
        try:
            self._table.put(recording_item(recording), IS_NEW)
        except ConditionFailedError:
            return False
        return True

    def replace(self, before: Recording, after: Recording) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by."""
        try:
            self._table.put(
                recording_item(after), IS_UNCHANGED, {":seen": before.version}
            )
        except ConditionFailedError:
            raise StaleStateError from None

    def link(self, recording: Recording) -> None:
        """Make a recording findable by its name, for as long as it is kept."""
        link: Item = {
            "pk": recording_key(recording.recording_uuid),
            "sk": LINK,
            "session_uuid": recording.session_uuid,
        }
        if recording.expires_at:
            link["purge_at"] = int(recording.expires_at.timestamp())
        self._table.put(link)

    def session_of(self, recording_uuid: str) -> str | None:
        """Return the UUID of a recording's session; None without a link."""
        item = self._table.get(recording_key(recording_uuid), LINK, consistent=False)
        return str(item["session_uuid"]) if item else None

    def is_held(self, session_uuid: str) -> bool:
        """Return whether recordings of a session are under a legal hold."""
        return self._table.get(session_key(session_uuid), HOLD) is not None

    def put_hold(self, session_uuid: str, *, held: bool) -> None:
        """Put the recordings of a session under a legal hold, or lift it."""
        key = {"pk": session_key(session_uuid), "sk": HOLD}
        if held:
            self._table.put(key)
        else:
            self._table.delete(key["pk"], key["sk"])

    def retention_of(self, tenant_id: str) -> int | None:
        """Return the days that a tenant's recordings are kept; None without a rule."""
        item = self._table.get(tenant_key(tenant_id), RECORDINGS, consistent=False)
        return int(item["retention_days"]) if item else None

    def put_retention(self, tenant_id: str, days: int) -> None:
        """Set the days that recordings of a tenant are kept, from now on."""
        self._table.put(
            {"pk": tenant_key(tenant_id), "sk": RECORDINGS, "retention_days": days}
        )


TIMES = frozenset(
    {"announced_at", "lease_until", "failed_at", "stored_at", "deleted_at"}
)

LISTS = frozenset({"other_urls", "contradictions"})

# In the keys of the item already, or written apart.
APART = frozenset({"session_uuid", "recording_uuid", "call"})


def recording_item(recording: Recording) -> Item:
    """Build a recording's item, without unset attributes.

    The table purges it when its retention is over, and never while it is held.
    """
    item: Item = {
        "pk": session_key(recording.session_uuid),
        "sk": part_key(RECORDING, recording.recording_uuid),
    }
    for name in recording.__dataclass_fields__:
        value = getattr(recording, name)
        if name in APART or value in (None, False, 0, "", ()):
            continue
        item[name] = stamp(value) if name in TIMES else value
    for name in LISTS & item.keys():
        item[name] = list(item[name])
    if recording.call:
        item["call"] = dict(recording.call)
    if recording.expires_at:
        item["purge_at"] = int(recording.expires_at.timestamp())
    return item


def recording_from(item: Item) -> Recording:
    """Build a recording from its item."""
    values: dict[str, Any] = {
        name: parse_stamp(item[name]) if name in TIMES else item[name]
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
            **{name: tuple(item.get(name, ())) for name in LISTS},
        }
    )
