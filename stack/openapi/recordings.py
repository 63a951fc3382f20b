"""Describe recordings as JSON Schema, as the views write them."""

from __future__ import annotations

from masking.api.recording_views import SHOWN
from masking.domain.recordings import CONTENT_TYPES, Status
from stack.openapi.shapes import (
    COUNT,
    TEXT,
    TIME,
    UUID,
    Schema,
    component,
    envelope,
    nullable,
    whole,
)


def components() -> dict[str, Schema]:
    """Give the schemas of recordings by their names."""
    return {
        "Recording": _recording(),
        "RecordingList": envelope(
            meta=whole({"total_count": COUNT}),
            objects={"type": "array", "items": component("Recording")},
        ),
        "RecordingLink": envelope(
            url={"type": "string", "format": "uri"},
            url_expires_at=TIME,
            file_name=TEXT,
            recording=component("Recording"),
        ),
        "RecordingDeletion": envelope(message=TEXT, recording=component("Recording")),
    }


def _recording() -> Schema:
    shown = {SHOWN.get(status, status.value) for status in Status}
    role = nullable({"type": "string", "enum": ["first", "second", "unknown"]})
    call = whole(
        {
            "call_uuid": nullable(UUID),
            "from": role,
            "to": role,
            "started_at": nullable(TIME),
            "ended_at": nullable(TIME),
        }
    )
    return whole(
        {
            "recording_uuid": UUID,
            "session_uuid": UUID,
            "status": {"type": "string", "enum": sorted(shown)},
            "format": nullable({"type": "string", "enum": sorted(CONTENT_TYPES)}),
            "duration": nullable({**COUNT, "description": "Seconds."}),
            "bytes": nullable(COUNT),
            "sha256": nullable({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
            "call": call,
            "announced_at": TIME,
            "stored_at": nullable(TIME),
            "failed_at": nullable(TIME),
            "failure": nullable({**TEXT, "description": "Why it failed."}),
            "deleted_at": nullable(TIME),
            "expires_at": nullable({**TIME, "description": "Null while it is held."}),
            "held": {"type": "boolean"},
            "resource_uri": TEXT,
        },
        description="An audio file of one call.",
    )
