"""A queue of changes that could not be published: read the table, publish again."""

from __future__ import annotations

import json
from typing import Any

from masking import wiring
from masking.core import telemetry


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Publish what was parked, as the table has it now; what fails comes again."""
    republish_changes = wiring.services().republish_changes
    for message in event["Records"]:
        republish_changes.work(json.loads(message["body"]))
    telemetry.flush()
