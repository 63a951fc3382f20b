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
        check = json.loads(message["body"])
        work = reconciler.remove_orphans if check.get("orphans") else reconciler.check
        outcome = work(check["session_uuid"])
        telemetry.logger().info("session checked", extra={"outcome": outcome})
        if outcome not in (reconcile.LEFT, reconcile.FAILED):
            telemetry.count(f"Reconciled{outcome.title()}")
        if outcome in reconcile.REPAIRS:
            telemetry.count("ReconciliationRepaired")
    telemetry.flush()
