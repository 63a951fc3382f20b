"""The table's stream: write links, publish events."""

from __future__ import annotations

from typing import Any

from masking import publish, telemetry, wiring


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deal with stream records in order; report the first that must come again."""
    services = wiring.services()
    publisher = publish.Publisher(
        services.table,
        services.bus,
        services.check_queue,
        services.number_key,
        services.now,
        services.settings.recording_retention_days,
    )
    for record in event["Records"]:
        try:
            publisher.publish(record)
        except Exception as error:
            number = record["dynamodb"]["SequenceNumber"]
            telemetry.logger().error(
                "change not published",
                extra={"error": type(error).__name__, "sequence_number": number},
            )
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
