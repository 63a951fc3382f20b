"""A queue of changes that could not be published: publish each as it was."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time, seconds_left

# Seconds that must be left to begin with another: a hung request, and the events.
RESERVE = 20.0


@telemetry.one_line("changes published again")
@in_time
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Publish what was parked, in order; report what comes again, if anything does."""
    failed = wiring.services().republish_changes.work_all(
        event["Records"], lambda: seconds_left(context) > RESERVE
    )
    if not failed:
        return None
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
