"""What a recording is: how it was announced, where it is kept, what comes next.

Every change is a function from one `Recording` to the next; the store writes the next
one only if the stored one still has the version that the change started from.

    announce ──> ANNOUNCED ──claim──> STORING ──store──> STORED ──┐
                   ▲   ▲               ▲   │                      │
                   │   │        claim  │   └─give_up─> FAILED ────┤ begin_deletion
            nudge ─┘   │   (a redrive) └─────────────────┤        ▼
                       └──improve, accept────────────────┘     DELETING ──> DELETED

SessionRecordingFailed makes a recording that is FAILED from the first; a later and
better announcement, whoever brings it, makes it ANNOUNCED again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from masking.core.amounts import whole_seconds
from masking.core.errors import RecordingRefusedError
from masking.core.times import parse_go_time
from masking.domain.plivo_events import uuid_in_url
from masking.domain.sessions import NAMESPACE

# Longer than the 15 minutes after which Lambda stops a function.
LEASE = timedelta(minutes=16)

# Longer than the 28 s after which Lambda stops the function that deletes.
DELETION_LEASE = timedelta(seconds=60)

# Seconds between tries to fetch a recording that is not there yet: two hours in all.

PAUSES = (15, 30, 60, 120, 240, 480, *[900] * 7)
TRIES = len(PAUSES)

# Times that a file must come alike to be believed against its ETag.
SIGHTINGS = 6

# S3 bills its colder class for at least so long and so much; below these, and with its
# dearer requests, it would cost more.
COLD_DAYS, COLD_BYTES = 90, 128 * 1024

CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
UNKNOWN_TYPE = "application/octet-stream"

# What files end in that an operator has let in and whose format nobody knows.
UNKNOWN_FORMAT = "bin"

# Addresses under which one recording is looked for.
MOST_URLS = 3

# Value of an object's tag `retention-days` while it is held: no rule matches it.
HELD = "held"


class Status(StrEnum):
    """The state that a recording is in."""

    ANNOUNCED = "announced"
    STORING = "storing"
    STORED = "stored"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class Source(StrEnum):
    """Where we learned of a recording: from a callback, or from Plivo when we asked."""

    CALLBACK = "callback"
    CARRIER = "carrier"


@dataclass(frozen=True)
class Announcement:
    """A finished recording at Plivo, as its callback or its resource says.

    *format* is empty and *duration* (seconds) None where Plivo did not say, or said
    something that we don't know. *carrier_id* is Plivo's
    own name of the recording where that is not *recording_uuid*; *call* what is known
    of the call: `started_at`, `ended_at`, `call_uuid`, `from`, `to`.
    """

    recording_uuid: str
    url: str
    format: str
    duration: int | None
    carrier_id: str | None = None
    call: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """A recording as we keep it. Times are aware UTC.

    *url* is where it is, *other_urls* where others said that it is. *suspect* is the
    SHA-256 of a file that may not be whole, *sightings* how often it came. *reason*
    and *explanation* say why it FAILED; neither is personal. *accepted* says that an
    operator lets it in whatever it is. *contradictions* names what was said of the
    file and is not so: `format`, `content_type`, `size`, `duration`, `checksum`;
    *file_duration* is how many seconds it plays by its own header.
    """

    session_uuid: str
    recording_uuid: str
    tenant_id: str
    status: Status
    version: int
    source: Source
    format: str
    announced_at: datetime
    retention_days: int
    url: str | None = None
    other_urls: tuple[str, ...] = ()
    duration: int | None = None
    carrier_id: str | None = None
    call: Mapping[str, str] = field(default_factory=dict)
    held: bool = False
    nudges: int = 0
    lease_until: datetime | None = None
    suspect: str | None = None
    sightings: int = 0
    failures: int = 0
    failed_at: datetime | None = None
    reason: str | None = None
    explanation: str | None = None
    accepted: bool = False
    contradictions: tuple[str, ...] = ()
    file_duration: int | None = None
    bucket: str | None = None
    key: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    stored_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def expires_at(self) -> datetime | None:
        """Return until when it is kept; None while it is held."""
        if self.held:
            return None
        return self.announced_at + timedelta(days=self.retention_days)

    @property
    def urls(self) -> tuple[str, ...]:
        """Return where it may be, the likeliest place first."""
        return (self.url, *self.other_urls) if self.url else ()

    @property
    def carrier_recording_id(self) -> str:
        """Return Plivo's name of the recording."""
        return self.carrier_id or self.recording_uuid


def announcement_of(attributes: Mapping[str, str]) -> Announcement:
    """Read the callback of a finished recording.

    Plivo writes the format with a dot before it; one that we don't know is no reason
    to refuse a file that nobody has seen yet. Raises RecordingRefusedError if there is
    no URL.
    """
    url = attributes.get("RecordingURL", "").strip()
    if not url:
        message = "the callback names no URL"
        raise RecordingRefusedError(message, reason="malformed")
    recording_uuid = recording_uuid_of(attributes)
    # Plivo documents the resource, and not that its name is the RecordingUUID.
    named = uuid_in_url(attributes.get("RecordingResourceURL"))
    return Announcement(
        recording_uuid=recording_uuid,
        url=url,
        format=format_named(attributes.get("RecordingFormat"), url),
        duration=whole_seconds(attributes.get("RecordingDuration")),
        carrier_id=named if named != recording_uuid else None,
        call=_known(
            started_at=time_in(attributes.get("RecordingStartTime")),
            ended_at=time_in(attributes.get("RecordingEndTime")),
        ),
    )


def format_named(*names: str | None) -> str:
    """Return the first audio format that *names* end in; empty if none does.

    Names are formats with or without a dot, and URLs.
    """
    for name in names:
        audio = (name or "").strip().partition("?")[0].rpartition(".")[2].lower()
        if audio in CONTENT_TYPES:
            return audio
    return ""


def content_type_of(audio: str) -> str:
    """Return the media type of a format; that of any bytes for an unknown one."""
    return CONTENT_TYPES.get(audio, UNKNOWN_TYPE)


def time_in(text: object) -> str | None:
    """Return a time of Plivo's in RFC 3339; None if it is not a time."""
    at = parse_go_time(text)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


class _Named(Protocol):
    """Anything that is kept under the name of a recording."""

    @property
    def recording_uuid(self) -> str: ...

    @property
    def format(self) -> str: ...


def key_of(
    recording: _Named, *, tenant_id: str, session_uuid: str, day: datetime
) -> str:
    """Return the key in the bucket of a recording, listable by tenant and day."""
    name = f"{recording.recording_uuid}.{recording.format or UNKNOWN_FORMAT}"
    return f"recordings/{tenant_id}/{day:%Y/%m/%d}/{session_uuid}/{name}"


def pause_after(received: int, patience: float = sum(PAUSES)) -> int:
    """Return the seconds to wait after a message was received *received* times.

    *patience* is how long all pauses last together, in seconds.
    """
    pause = PAUSES[min(max(received, 1), TRIES) - 1]
    return max(1, round(pause * patience / sum(PAUSES)))


def retention_tag(recording: Recording) -> str:
    """Return the value of the tag by which the bucket's lifecycle knows its age."""
    return HELD if recording.held else str(recording.retention_days)


def storage_class(recording: Recording, length: int | None) -> str:
    """Return the class of S3 that is cheapest for as long as the recording is kept.

    Each gives an object out at once. A file without a known length is not small.
    """
    is_small = length is not None and length < COLD_BYTES
    is_short = recording.retention_days < COLD_DAYS
    return "STANDARD" if is_small or is_short else "GLACIER_IR"


def is_hidden(recording: Recording, now: datetime) -> bool:
    """Return whether *recording* is past its retention."""
    return recording.expires_at is not None and now >= recording.expires_at


def is_leased(recording: Recording, now: datetime) -> bool:
    """Return whether somebody may still be working on *recording*."""
    return recording.lease_until is not None and now < recording.lease_until


def stable_file(recording: Recording) -> str | None:
    """Return the SHA-256 of a file that came so often that it will not change any more.

    Then it is whole, and what was said of it (its duration, its size, an ETag that no
    origin has promised to be an MD5) is not so. A file that was cut off may come a few
    times alike; by default this takes a quarter of an hour.
    """
    return recording.suspect if recording.sightings >= SIGHTINGS else None


def _next(recording: Recording, **changes: Any) -> Recording:
    return replace(recording, version=recording.version + 1, **changes)


def _known(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def recording_uuid_of(attributes: Mapping[str, str], otherwise: str = "") -> str:
    """Return Plivo's name of a recording; one made of its URL where that is no UUID.

    That of its resource is tried before. One without a URL, because it was never
    made, gets its name from *otherwise*, the hash of its callback.
    """
    try:
        return str(uuid.UUID(attributes.get("RecordingUUID", "")))
    except ValueError:
        resource = uuid_in_url(attributes.get("RecordingResourceURL"))
        if resource:
            return resource
        named = attributes.get("RecordingURL") or otherwise
        # Half a surrogate pair has no UTF-8, and stands for itself.
        text = named.encode("utf-8", "backslashreplace").decode()
        return str(uuid.uuid5(NAMESPACE, text))
