"""A delayed queue: see whether what was sent to Plivo came back, or a call ended."""

from __future__ import annotations

import json
from typing import Any

from masking import endings, reconcile, telemetry, wiring


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Clear up what a function that was killed has left; tell the end of a call."""
    services = wiring.services()
    for message in event["Records"]:
        asked = json.loads(message["body"])
        if "callback" in asked:
            ending = endings.Endings(services.table, services.bus)
            ending.announce(asked["session_uuid"], asked["callback"])
        else:
            _check(services, asked["session_uuid"], context)
    telemetry.flush()


def _check(services: wiring.Services, session_uuid: str, context: Any) -> None:
    reconciler = reconcile.Reconciler(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
        lambda: context.get_remaining_time_in_millis() > 0,
    )
    outcome = reconciler.check(session_uuid)
    telemetry.logger().info("session checked", extra={"outcome": outcome})
    if outcome != reconcile.LEFT:
        telemetry.count(f"Reconciled{outcome.title()}")
