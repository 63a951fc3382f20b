"""An EventBridge rule, every quarter of an hour: settle with Plivo what is in doubt."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.lifecycle import number_pool, reconcile, reconcile_sessions
from masking.plivo.account import Account

# Milliseconds that must be left of the function's time to begin another duty: longer
# than the requests to Plivo that one duty can take.
RESERVE = 90_000


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Work off the due duties, and say what became of them."""
    services = wiring.services()
    pace = services.pace
    carrier = services.paced_carrier(pace)
    reconciler = reconcile.Reconciler(
        services.table,
        carrier,
        services.callback_key,
        services.now,
        services.settings.recording_retention_days,
    )
    tally = reconcile_sessions.ReconcileSessions(
        services.table,
        reconciler,
        services.now,
        lambda: context.get_remaining_time_in_millis() > RESERVE,
    ).run()
    reconcile_sessions.report(tally, pace.requests)
    if not tally.busy and context.get_remaining_time_in_millis() > RESERVE:
        number_pool.report(number_pool.NumberPool(Account(carrier), services.now))
    telemetry.flush()
    return dict(tally.outcomes)
