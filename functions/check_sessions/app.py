"""A delayed queue: see whether what was sent to Plivo came back, or a call ended."""

from __future__ import annotations

import json
from typing import Any

from masking import endings, reconcile, telemetry, wiring


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
        asked = json.loads(message["body"])
        if "callback" in asked:
            ending = endings.Endings(services.table, services.bus)
            ending.announce(asked["session_uuid"], asked["callback"])
            continue
        work = reconciler.remove_orphans if asked.get("orphans") else reconciler.check
        outcome = work(asked["session_uuid"])
        telemetry.logger().info("session checked", extra={"outcome": outcome})
        if outcome not in (reconcile.LEFT, reconcile.FAILED):
            telemetry.count(f"Reconciled{outcome.title()}")
        if outcome in reconcile.REPAIRS:
            telemetry.count("ReconciliationRepaired")
    telemetry.flush()
