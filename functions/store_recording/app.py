"""A queue of finished recordings at Plivo: stream each into the bucket."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time, seconds_left

# Seconds that are left to postpone a recording that took too long.
RESERVE = 20.0


@telemetry.one_line("recording worked on")
@in_time
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Store each recording; report those whose messages must come again."""
    store_recording = wiring.services().store_recording
    failed = [
        {"itemIdentifier": message["messageId"]}
        for message in event["Records"]
        if not store_recording.work(message, seconds_left(context) - RESERVE)
    ]
    return {"batchItemFailures": failed}
