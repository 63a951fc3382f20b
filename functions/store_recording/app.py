"""A queue of finished recordings at Plivo: stream each into the bucket."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.recording import copy_recording, delete_recording, store_recording


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Store each recording; report those whose messages must come again."""
    services = wiring.services()
    keeper = copy_recording.CopyRecording(
        services.table,
        services.bucket,
        services.origin,
        services.now,
        services.delete_at_carrier if services.settings.deletes_at_carrier else None,
    )
    deleting = delete_recording.DeleteRecording(
        services.table, services.bucket, services.delete_at_carrier, services.now
    )
    work = store_recording.StoreRecording(
        keeper,
        deleting,
        services.recording_queue,
        services.recording_dead_letters,
        services.settings.recording_patience,
    )
    failed = [
        {"itemIdentifier": message["messageId"]}
        for message in event["Records"]
        if not work.work(message)
    ]
    telemetry.flush()
    return {"batchItemFailures": failed}
