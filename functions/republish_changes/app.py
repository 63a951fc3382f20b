"""A queue of changes that could not be published: read the table, publish again."""

from __future__ import annotations

import json
from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.stream import change_publisher, publish_changes


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Publish what was parked, as the table has it now; what fails comes again."""
    services = wiring.services()
    publisher = change_publisher.Publisher(
        services.table,
        services.bus,
        services.check_queue,
        services.erasure_queue,
        services.number_key,
        services.now,
        services.settings.recording_retention_days,
        services.settings.bus_events,
        most_guesses=services.settings.most_pin_guesses,
    )
    for message in event["Records"]:
        parked = json.loads(message["body"])
        image = services.table.change(parked["pk"], parked["sk"])
        if image:
            publisher.publish(publish_changes.record_of(parked, image))
        telemetry.logger().info(
            "change published again", extra={"reason": parked["reason"]}
        )
    telemetry.flush()
