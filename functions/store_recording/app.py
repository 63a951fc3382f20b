"""A queue of finished recordings at Plivo: stream each into the bucket."""

from __future__ import annotations

import json
from typing import Any

from masking import recordings, store, telemetry, wiring
from masking.errors import RecordingRefusedError


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Store each recording; report those whose messages must come again.

    One that is not there yet comes again after a pause that grows; one that is
    refused comes again at once, until the queue gives it up.
    """
    services = wiring.services()
    keeper = store.Store(services.table, services.bucket, services.origin, services.now)
    failed = []
    for message in event["Records"]:
        try:
            keeper.store(json.loads(message["body"])["detail"])
        except Exception as error:
            received = int(message["attributes"]["ApproximateReceiveCount"])
            refused = isinstance(error, RecordingRefusedError)
            pause = 1 if refused else recordings.pause_after(received)
            services.recording_queue.postpone(message["receiptHandle"], pause)
            failed.append({"itemIdentifier": message["messageId"]})
            telemetry.count("RecordingNotStored", error=type(error).__name__)
            telemetry.logger().warning(
                "recording not stored",
                extra={
                    "error": type(error).__name__,
                    "message_id": message["messageId"],
                    "received": received,
                    "pause_seconds": pause,
                },
            )
    telemetry.flush()
    return {"batchItemFailures": failed}
