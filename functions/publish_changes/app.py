"""The table's stream: write links, publish events."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time, seconds_left

# Seconds that must be left to begin with another: a hung request, and the events.
RESERVE = 20.0


@telemetry.one_line("changes published")
@in_time
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deal with stream records in order; report the first that must come again."""
    first = wiring.services().publish_changes.relay(
        event["Records"], lambda: seconds_left(context) > RESERVE
    )
    return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}
