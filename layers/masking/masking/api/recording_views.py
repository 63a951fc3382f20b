"""How recordings look to the app."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from masking.core.times import rfc3339
from masking.domain import recordings
from masking.domain.recordings import Recording, Status

# A deletion on its way is shown as done: the recording can't be had any more.
SHOWN = {Status.DELETING: Status.DELETED.value}


def recording_view(recording: Recording) -> dict[str, Any]:
    """Return a recording as JSON values: times in RFC 3339, `duration` in seconds."""
    call = recording.call
    return {
        "recording_uuid": recording.recording_uuid,
        "session_uuid": recording.session_uuid,
        "status": SHOWN.get(recording.status, recording.status.value),
        "format": recording.format or None,
        "duration": recording.duration,
        "file_duration": recording.file_duration,
        "contradictions": list(recording.contradictions),
        "bytes": recording.bytes,
        "sha256": recording.sha256,
        "call": {
            name: call.get(name)
            for name in ("call_uuid", "from", "to", "started_at", "ended_at")
        },
        "announced_at": rfc3339(recording.announced_at),
        "stored_at": rfc3339(recording.stored_at),
        "failed_at": rfc3339(recording.failed_at),
        "failure": recording.reason,
        "deleted_at": rfc3339(recording.deleted_at),
        "expires_at": rfc3339(recording.expires_at),
        "held": recording.held,
        "resource_uri": f"/v1/recordings/{recording.recording_uuid}",
    }


def list_view(found: Iterable[Recording], now: datetime) -> dict[str, Any]:
    """Return a session's recordings, oldest first, without those past retention."""
    shown = [each for each in found if not recordings.is_hidden(each, now)]
    shown.sort(key=lambda each: (each.call.get("started_at", ""), each.announced_at))
    return {
        "api_id": str(uuid.uuid4()),
        "meta": {"total_count": len(shown)},
        "objects": [recording_view(each) for each in shown],
    }


def link_view(link: RecordingLink) -> dict[str, Any]:
    """Return a link to a recording's file."""
    return {
        "api_id": str(uuid.uuid4()),
        "url": link.url,
        "url_expires_at": rfc3339(link.expires_at),
        "file_name": link.file_name,
        "recording": recording_view(link.recording),
    }


def deletion_view(recording: Recording) -> dict[str, Any]:
    """Return the answer to a deletion."""
    return {
        "api_id": str(uuid.uuid4()),
        "message": "Recording deleted",
        "recording": recording_view(recording),
    }


@dataclass(frozen=True)
class RecordingLink:
    """A link to a recording's file and when it ends."""

    url: str
    expires_at: datetime
    file_name: str
    recording: Recording
