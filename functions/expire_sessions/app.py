"""An EventBridge rule, every minute: end the sessions whose time is up."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time

# Milliseconds that must be left of the function's time to begin another session.
RESERVE = 10_000


@telemetry.one_line("sessions swept")
@in_time
def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """End what is due, and say how many sessions that were."""
    sweep = wiring.services().expire_sessions(
        lambda: context.get_remaining_time_in_millis() > RESERVE
    )
    count = sweep.run()
    return {"expired": count}
