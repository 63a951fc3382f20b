"""A delayed queue: what may have been left undone is looked at once more."""

from __future__ import annotations

import json
from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.lifecycle import call_ended, reconcile


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Clear up what a function that was killed has left; tell the end of a call."""
    services = wiring.services()
    for message in event["Records"]:
        asked = json.loads(message["body"])
        if "callback" in asked:
            ending = call_ended.CallEnded(services.table, services.bus)
            ending.announce(asked["session_uuid"], asked["callback"])
        else:
            _check(services, asked["session_uuid"], has_orphans="orphans" in asked)
    telemetry.flush()


def _check(services: wiring.Services, session_uuid: str, *, has_orphans: bool) -> None:
    reconciler = reconcile.Reconciler(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
    )
    work = reconciler.remove_orphans if has_orphans else reconciler.check
    outcome = work(session_uuid)
    telemetry.logger().info("session checked", extra={"outcome": outcome})
    if outcome not in (reconcile.LEFT, reconcile.FAILED):
        telemetry.count(f"Reconciled{outcome.title()}")
    if outcome in reconcile.REPAIRS:
        telemetry.count("ReconciliationRepaired")
