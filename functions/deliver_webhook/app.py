"""A queue of events: deliver each to the URL that the session's app gave."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry


@telemetry.one_line("deliveries worked off")
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deliver a batch; report those that must come again, each in its own time."""
    failed = wiring.services().deliver_webhook.deliver_batch(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
