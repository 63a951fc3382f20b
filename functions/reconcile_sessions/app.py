"""An EventBridge rule, every quarter of an hour: settle with Plivo what is in doubt."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time, seconds_left

# Seconds that must be left of the function's time to begin with another session. One
# that needs many requests stops by itself (see `rate_limit`) and is begun anew.
RESERVE = 30.0


@telemetry.one_line("sessions reconciled")
@in_time
def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Work off what is due, and say what became of it."""
    reconcile_sessions = wiring.services().reconcile_sessions(
        lambda: seconds_left(context) > RESERVE, lambda: seconds_left(context)
    )
    outcomes = reconcile_sessions.run().outcomes
    return dict(outcomes)
