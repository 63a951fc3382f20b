"""A delayed queue: what may have been left undone is looked at once more."""

from __future__ import annotations

import json
from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time


@telemetry.one_line("session checked")
@in_time
def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Clear up what a function that was killed has left; tell the end of a call."""
    check_sessions = wiring.services().check_sessions
    for message in event["Records"]:
        check_sessions.work(json.loads(message["body"]))
