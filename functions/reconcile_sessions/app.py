"""An EventBridge rule, every quarter of an hour: settle with Plivo what is in doubt."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry

# Milliseconds that must be left of the function's time to begin with another session:
# longer than the requests to Plivo that one can take.
RESERVE = 90_000


@telemetry.one_line("sessions reconciled")
def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Work off what is due, and say what became of it."""
    reconcile_sessions = wiring.services().reconcile_sessions(
        lambda: context.get_remaining_time_in_millis() > RESERVE
    )
    outcomes = reconcile_sessions.run().outcomes
    return dict(outcomes)
