"""Grant access to a stored recording: a link for five minutes, and an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from masking.api.recording_views import RecordingLink
from masking.core.problems import (
    RecordingDeletedError,
    RecordingFailedError,
    RecordingNotFoundError,
    RecordingNotStoredError,
)
from masking.domain import bus_events, recordings
from masking.domain.recordings import Recording, Status
from masking.recording.delete_recording import find_recording

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.bucket import Bucket
    from masking.storage.bus import Bus
    from masking.storage.stores import Stores


LINK_LIFETIME = timedelta(minutes=5)

# Seconds after which a recording that is not stored yet may be.
RETRY_AFTER = 15


@dataclass(frozen=True)
class GetRecording:
    """Gives access to recordings."""

    stores: Stores
    bucket: Bucket
    bus: Bus
    now: Clock

    def link(
        self, recording_uuid: str, *, tenant_id: str, request_id: str
    ) -> RecordingLink:
        """Return a link to a recording, after the bus has taken the event of it.

        Raises the ProblemError that fits the state of the recording.
        """
        now = self.now()
        known = find_recording(self.stores, recording_uuid, tenant_id)
        if recordings.is_hidden(known, now):
            raise RecordingNotFoundError
        if known.status in (Status.DELETING, Status.DELETED):
            raise RecordingDeletedError
        if known.status is Status.FAILED:
            raise RecordingFailedError(reason=known.reason)
        if known.status is not Status.STORED or known.key is None:
            raise RecordingNotStoredError(
                retry_after=RETRY_AFTER, recording_status=known.status.value
            )
        self.bus.put([bus_events.event_of_access(known, request_id, now)])
        name = file_name(known)
        url = self.bucket.link(
            known.key,
            file_name=name,
            content_type=recordings.content_type_of(known.format),
            seconds=int(LINK_LIFETIME.total_seconds()),
        )
        return RecordingLink(url, now + LINK_LIFETIME, name, known)


def file_name(recording: Recording) -> str:
    """Return the name under which a browser saves the file: its day and its UUID."""
    day = f"{recording.announced_at:%Y-%m-%d}"
    audio = recording.format or recordings.UNKNOWN_FORMAT
    return f"recording-{day}-{recording.recording_uuid}.{audio}"
