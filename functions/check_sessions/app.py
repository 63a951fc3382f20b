"""A delayed queue: see whether an update or an ending came back from Plivo."""

from __future__ import annotations

import json
from typing import Any

from masking import reconcile, telemetry, wiring


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Clear up what a function that was killed has left at Plivo."""
    services = wiring.services()
    reconciler = reconcile.Reconciler(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
    )
    for message in event["Records"]:
        outcome = reconciler.check(json.loads(message["body"])["session_uuid"])
        telemetry.logger().info("session checked", extra={"outcome": outcome})
        if outcome not in (reconcile.LEFT, reconcile.FAILED):
            telemetry.count(f"Reconciled{outcome.title()}")
    telemetry.flush()
