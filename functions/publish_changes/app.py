"""The table's stream: write links, publish events."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry


@telemetry.one_line("changes published")
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deal with stream records in order; report the first that must come again."""
    first = wiring.services().publish_changes.relay(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}
