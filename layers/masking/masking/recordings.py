"""The rules of recordings: what was announced, where it is kept, what it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from masking.changes import recording_uuid_of
from masking.errors import RecordingRefusedError

# Longer than the 15 minutes after which Lambda stops a function.
LEASE = timedelta(minutes=16)

# Seconds between tries to fetch a recording that is not there yet: two hours in all,
# after which the queue's redrive policy (13 receives) gives the message up.
PAUSES = (15, 30, 60, 120, 240, 480, *[900] * 7)

CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


@dataclass(frozen=True)
class Announcement:
    """A finished recording at Plivo, as its callback announced it.

    *duration* is in seconds, None where Plivo did not say.
    """

    recording_uuid: str
    url: str
    format: str
    duration: int | None


def announcement_of(attributes: Mapping[str, str]) -> Announcement:
    """Read the callback of a finished recording.

    Plivo writes the format with a dot before it. Raises RecordingRefusedError if
    there is no URL or a format that is no audio we know.
    """
    url = attributes.get("RecordingURL", "")
    written = attributes.get("RecordingFormat") or url.rpartition(".")[2]
    audio = written.removeprefix(".").lower()
    if not url or audio not in CONTENT_TYPES:
        message = "the callback names no URL, or a format that is not mp3 or wav"
        raise RecordingRefusedError(message)
    duration = attributes.get("RecordingDuration", "")
    return Announcement(
        recording_uuid=recording_uuid_of(attributes),
        url=url,
        format=audio,
        duration=int(duration) if duration.isdecimal() else None,
    )


def key_of(
    announcement: Announcement, *, tenant_id: str, session_uuid: str, day: datetime
) -> str:
    """Say where in the bucket a recording is kept, listable by tenant and day."""
    name = f"{announcement.recording_uuid}.{announcement.format}"
    return f"recordings/{tenant_id}/{day:%Y/%m/%d}/{session_uuid}/{name}"


def pause_after(received: int) -> int:
    """Give the seconds to wait after a message was received *received* times."""
    return PAUSES[min(max(received, 1), len(PAUSES)) - 1]


def looks_like(audio: str, start: bytes) -> bool:
    """Say whether *start*, the first 12 bytes of a file, may begin such audio.

    mp3: an ID3 tag or a frame's sync word; wav: RIFF....WAVE.
    """
    if audio == "wav":
        return start[:4] == b"RIFF" and start[8:12] == b"WAVE"
    sync = len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return start[:3] == b"ID3" or sync
