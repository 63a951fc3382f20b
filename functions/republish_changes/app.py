"""A queue of changes that could not be published: publish each as it was."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry


@telemetry.one_line("changes published again")
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Publish what was parked, in order; report what comes again, if anything does."""
    failed = wiring.services().republish_changes.work_all(event["Records"])
    if not failed:
        return None
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
