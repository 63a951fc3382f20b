"""The table's stream: write links, publish events."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.stream import change_publisher, publish_changes


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deal with stream records in order; report the first that must come again."""
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
        services.tenant_settings_of,
        most_guesses=services.settings.most_pin_guesses,
    )
    line = publish_changes.PublishChanges(
        publisher, lambda: services.change_dead_letters, services.now
    )
    first = line.relay(event["Records"])
    telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}
