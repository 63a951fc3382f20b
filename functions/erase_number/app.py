"""A delayed queue of erasures: forget persons, in steps that can be done again."""

from __future__ import annotations

import json
from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.errors import ErasureNotReadyError
from masking.domain import erasures
from masking.erasure import erasing

# Milliseconds that must be left of the function's time to begin with another session:
# longer than what is asked of Plivo for one.
RESERVE = 90_000


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work each message off; report those that must come again, after a pause."""
    services = wiring.services()
    eraser = erasing.eraser(
        services, lambda: context.get_remaining_time_in_millis() > RESERVE
    )
    failed = []
    for message in event["Records"]:
        try:
            eraser.work(json.loads(message["body"]))
        except ErasureNotReadyError as waits:
            received = int(message["attributes"]["ApproximateReceiveCount"])
            pause = erasures.pause_after(received, waits.retry_after)
            services.erasure_queue.postpone(message["receiptHandle"], pause)
            failed.append({"itemIdentifier": message["messageId"]})
    telemetry.flush()
    return {"batchItemFailures": failed}
