"""A queue of finished recordings at Plivo: stream each into the bucket."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry


@telemetry.one_line("recording worked on")
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Store each recording; report those whose messages must come again."""
    store_recording = wiring.services().store_recording
    failed = [
        {"itemIdentifier": message["messageId"]}
        for message in event["Records"]
        if not store_recording.work(message)
    ]
    return {"batchItemFailures": failed}
