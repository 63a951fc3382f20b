"""Clean Plivo's answers about recordings: interactions, and recording resources.

Durations come as milliseconds in decimal strings (plivo-contract 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from masking.core import amounts, numbers
from masking.domain.plivo_events import uuid_in_url
from masking.domain.recordings import Announcement, format_named, time_in


@dataclass(frozen=True)
class RecordedCall:
    """A call of a session that Plivo has a recording of."""

    recording_id: str
    call_uuid: str | None
    started_at: str | None
    ended_at: str | None


@dataclass(frozen=True)
class RecordingResource:
    """A recording as Plivo keeps it; *duration* is in seconds.

    *url* and *format* are empty where Plivo named none that we can use.
    """

    recording_id: str
    url: str
    format: str
    duration: int | None
    from_number: str | None
    to_number: str | None

    def announcement(self, call: RecordedCall) -> Announcement:
        """Return the announcement that its callback would have been."""
        known = {
            "call_uuid": call.call_uuid,
            "started_at": call.started_at,
            "ended_at": call.ended_at,
        }
        return Announcement(
            recording_uuid=self.recording_id,
            url=self.url,
            format=self.format,
            duration=self.duration,
            call={name: value for name, value in known.items() if value},
        )


def recorded_calls(session: Mapping[str, Any]) -> Iterator[RecordedCall]:
    """Return the recorded calls of a session object; `interaction` may be null."""
    calls = session.get("interaction")
    for call in calls if isinstance(calls, list) else []:
        if not isinstance(call, dict):
            continue
        recording_id = uuid_in_url(call.get("recording_resource_url"))
        if recording_id:
            yield RecordedCall(
                recording_id=recording_id,
                call_uuid=uuid_in_url(call.get("first_party_resource_url")),
                started_at=time_in(call.get("start_time")),
                ended_at=time_in(call.get("end_time")),
            )


def resource_from(recording_id: str, body: Mapping[str, Any]) -> RecordingResource:
    """Clean a recording resource; attributes that can't be used are empty."""
    url = _text(body.get("recording_url"))
    return RecordingResource(
        recording_id=recording_id,
        url=url or "",
        format=format_named(_text(body.get("recording_format")), url),
        duration=amounts.milliseconds(body.get("recording_duration_ms")),
        from_number=numbers.normal_or_none(body.get("from_number")),
        to_number=numbers.normal_or_none(body.get("to_number")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
