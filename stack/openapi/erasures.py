"""Describe erasures as JSON Schema."""

from __future__ import annotations

from masking.domain.erasures import COMPLETED, KINDS, RUNNING
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
    """Give the schemas of erasures by their names."""
    found = whole(
        dict.fromkeys(("sessions", *KINDS), COUNT),
        description="How many of each kind were erased; held recordings were not.",
    )
    remains = whole(
        {"what": TEXT, "until": nullable(TIME), "explanation": TEXT},
        description="What is left of it elsewhere, and until when.",
    )
    erasure = whole(
        {
            "erasure_id": UUID,
            "status": {"type": "string", "enum": [RUNNING, COMPLETED]},
            "requested_at": TIME,
            "completed_at": nullable(TIME),
            "found": nullable(found),
            "remains": {"type": "array", "items": remains},
            "resource_uri": TEXT,
        },
        description=(
            "The erasure of a number; once it is completed, the proof. It covers what "
            "is older than `requested_at`."
        ),
    )
    return {"Erasure": erasure, "ErasureAnswer": envelope(erasure=component("Erasure"))}
