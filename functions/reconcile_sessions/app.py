"""An EventBridge rule, every quarter of an hour: settle with Plivo what is in doubt."""

from __future__ import annotations

from typing import Any

from masking import reconcile, telemetry, wiring

# Milliseconds that must be left of the function's time to begin another duty: longer
# than the requests to Plivo that one duty can take.
RESERVE = 90_000


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Work off the due duties, and say what became of them."""
    services = wiring.services()
    reconciler = reconcile.Reconciler(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
        lambda: context.get_remaining_time_in_millis() > RESERVE,
        services.settings.recording_retention_days,
    )
    outcomes = dict(reconciler.run())
    for outcome, sessions in outcomes.items():
        telemetry.count(f"Reconciled{outcome.title()}", sessions)
    if outcomes:
        telemetry.logger().info("duties reconciled", extra=outcomes)
    telemetry.flush()
    return outcomes
