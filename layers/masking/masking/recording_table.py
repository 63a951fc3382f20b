"""The part of the table that is about recordings, their holds and their retention."""

from __future__ import annotations

from masking.errors import StaleStateError
from masking.items import (
    HOLD,
    LINK,
    RECORDING,
    RECORDINGS,
    Item,
    part,
    recording_key,
    session_key,
    tenant_key,
    written,
)
from masking.recording_items import recording_from, recording_item
from masking.recordings import Recording
from masking.rows import IS_NEW, IS_UNCHANGED, ConditionFailedError, Rows


class RecordingTable(Rows):
    """Recordings: one write for each step, one read before it."""

    def recording(self, session_uuid: str, recording_uuid: str) -> Recording | None:
        """Read what is known of a recording, consistently."""
        item = self._get(session_key(session_uuid), part(RECORDING, recording_uuid))
        return recording_from(item) if item else None

    def recordings(self, session_uuid: str) -> list[Recording]:
        """Read all recordings of a session, in no order that means anything."""
        found = self._parts(
            session_key(session_uuid), part(RECORDING, ""), consistent=False
        )
        return [recording_from(item) for item in found]

    def add_recording(self, recording: Recording) -> bool:
        """Write a new recording; False if it is there already, and changes nothing."""
        try:
            self._put(recording_item(recording), IS_NEW)
        except ConditionFailedError:
            return False
        return True

    def replace_recording(self, before: Recording, after: Recording) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by."""
        try:
            self._put(recording_item(after), IS_UNCHANGED, {":seen": before.version})
        except ConditionFailedError:
            raise StaleStateError from None

    def link_recording(self, recording: Recording) -> None:
        """Make a recording findable by its name, for as long as it is kept."""
        link: Item = {
            "pk": recording_key(recording.recording_uuid),
            "sk": LINK,
            "session_uuid": recording.session_uuid,
        }
        if recording.expires_at:
            link["purge_at"] = int(recording.expires_at.timestamp())
        self._put(link)

    def session_of(self, recording_uuid: str) -> str | None:
        """Say whose recording it is, as its link does."""
        item = self._get(recording_key(recording_uuid), LINK, consistent=False)
        return str(item["session_uuid"]) if item else None

    def is_held(self, session_uuid: str) -> bool:
        """Say whether recordings of a session are under a legal hold."""
        return self._get(session_key(session_uuid), HOLD) is not None

    def put_hold(self, session_uuid: str, *, held: bool) -> None:
        """Put the recordings of a session under a legal hold, or let them go."""
        key = {"pk": session_key(session_uuid), "sk": HOLD}
        if held:
            self._put(key)
        else:
            self._client.delete_item(TableName=self._name, Key=written(key))

    def retention_of(self, tenant_id: str) -> int | None:
        """Give the days that a tenant's recordings are kept; None if it has no rule."""
        item = self._get(tenant_key(tenant_id), RECORDINGS, consistent=False)
        return int(item["retention_days"]) if item else None

    def put_retention(self, tenant_id: str, days: int) -> None:
        """Set the days that recordings of a tenant are kept, from now on."""
        self._put(
            {"pk": tenant_key(tenant_id), "sk": RECORDINGS, "retention_days": days}
        )
