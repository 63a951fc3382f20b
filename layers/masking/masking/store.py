"""Bring a finished recording from Plivo into the bucket, once, checked on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking import items, recordings, telemetry
from masking.errors import RecordingNotReadyError, RecordingRefusedError

if TYPE_CHECKING:
    from masking.bucket import Bucket
    from masking.origin import Download, Origin
    from masking.table import Table
    from masking.wiring import Clock


@dataclass(frozen=True)
class Store:
    """What storing takes: the table, the bucket, the origin, the time."""

    table: Table
    bucket: Bucket
    origin: Origin
    now: Clock

    def store(self, announced: Mapping[str, Any]) -> bool:
        """Store the recording that *announced*, the detail of an event, names.

        Returns False if that is done already. Raises RecordingNotReadyError if a
        later try may succeed, RecordingRefusedError if none will.
        """
        session_uuid = announced["session_uuid"]
        callback = self.table.callback(session_uuid, announced["callback"])
        if callback is None:
            message = "the callback of this recording is not in the table"
            raise RecordingRefusedError(message)
        found = recordings.announcement_of(callback["attributes"])
        now = self.now()
        item = {
            "tenant_id": callback["tenant_id"],
            "bucket": self.bucket.name,
            "key": recordings.key_of(
                found,
                tenant_id=callback["tenant_id"],
                session_uuid=session_uuid,
                day=items.moment(callback["received_at"]),
            ),
            "format": found.format,
            "announced_at": callback["received_at"],
            "lease_until": items.stamp(now + recordings.LEASE),
        }
        if found.duration is not None:
            item["duration"] = found.duration
        if not self._claim(session_uuid, found.recording_uuid, item):
            return False
        try:
            findings = self._copy(found, item["key"])
        except Exception:
            self._release(session_uuid, found.recording_uuid, item)
            raise
        item = {k: v for k, v in item.items() if k != "lease_until"}
        self.table.close_recording(
            session_uuid,
            found.recording_uuid,
            {
                **item,
                **findings,
                "status": "stored",
                "stored_at": items.stamp(self.now()),
            },
            now,
        )
        telemetry.count("RecordingStored")
        return True

    def _copy(self, found: recordings.Announcement, key: str) -> dict[str, Any]:
        with self.origin.open(found.url) as download:
            _check_magic(found.format, download)
            content_type = recordings.CONTENT_TYPES[found.format]
            self.bucket.put(key, download, content_type)
            return {"bytes": download.bytes_read, "sha256": download.sha256}

    def _claim(self, session_uuid: str, recording_uuid: str, item: items.Item) -> bool:
        """Claim the recording; False if it is stored.

        Raises RecordingNotReadyError while another is at it.
        """
        if self.table.claim_recording(session_uuid, recording_uuid, item, self.now()):
            return True
        known = self.table.recording(session_uuid, recording_uuid)
        if known and known["status"] == "stored":
            return False
        message = "another invocation is storing this recording"
        raise RecordingNotReadyError(message)

    def _release(
        self, session_uuid: str, recording_uuid: str, item: items.Item
    ) -> None:
        """Let the next try begin at once instead of after the lease."""
        free = {**item, "status": "storing", "lease_until": items.stamp(self.now())}
        self.table.close_recording(session_uuid, recording_uuid, free, self.now())


def _check_magic(audio: str, download: Download) -> None:
    if not recordings.looks_like(audio, download.peek()):
        message = f"the origin's file does not begin like {audio}"
        raise RecordingNotReadyError(message)
