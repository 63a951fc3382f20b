"""A queue of events: deliver each to the URL that the session's app gave."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time


@telemetry.one_line("deliveries worked off")
@in_time
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deliver a batch; report those that must come again, each in its own time."""
    failed = wiring.services().deliver_webhook.deliver_batch(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
