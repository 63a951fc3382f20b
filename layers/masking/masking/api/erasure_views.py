"""How erasures look to the app."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from masking.core.times import rfc3339
from masking.domain.erasures import Erasure

STREAM = timedelta(hours=24)
QUEUES = timedelta(days=14)
BACKUPS = timedelta(days=35)
CARRIER = timedelta(days=90)


def envelope(erasure: Erasure) -> dict[str, Any]:
    """Return the answer to a request for an erasure."""
    return {"api_id": str(uuid.uuid4()), "erasure": erasure_view(erasure)}


def erasure_view(erasure: Erasure) -> dict[str, Any]:
    """Return an erasure as JSON values: the proof, once it is complete."""
    return {
        "erasure_id": erasure.erasure_id,
        "status": erasure.status,
        "requested_at": rfc3339(erasure.requested_at),
        "completed_at": rfc3339(erasure.completed_at),
        "found": dict(erasure.found) or None,
        "remains": _remains(erasure),
        "callback_url": erasure.callback_url,
        "callback_method": erasure.callback_method,
        "resource_uri": f"/v1/erasures/{erasure.erasure_id}",
    }


def _remains(erasure: Erasure) -> list[dict[str, Any]]:
    """List what is left of the number elsewhere, and until when."""
    done = erasure.completed_at
    if done is None:
        return []
    remains = [
        ("change_stream", STREAM, "the table's own stream; nobody but us reads it"),
        ("queues", QUEUES, "messages name sessions and events, and hold no number"),
        ("backups", BACKUPS, "point-in-time backups of the table"),
        ("carrier", CARRIER, "Plivo's own copies, which it has no call to purge"),
    ]
    shown: list[dict[str, Any]] = [
        {"what": what, "until": rfc3339(done + span), "explanation": explanation}
        for what, span, explanation in remains
    ]
    if erasure.found.get("held_recordings"):
        explanation = "recordings under a legal hold; ask again when it is lifted"
        shown.append(
            {"what": "held_recordings", "until": None, "explanation": explanation}
        )
    return shown
