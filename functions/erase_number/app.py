"""A delayed queue of erasures: erase persons, in steps that can be repeated."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time

# Milliseconds that must be left of the function's time to begin with another session:
# longer than what is asked of Plivo for one.
RESERVE = 90_000


@telemetry.one_line("erasure worked on")
@in_time
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work each message off; report those that must come again, after a pause."""
    erase_number = wiring.services().erase_number(
        lambda: context.get_remaining_time_in_millis() > RESERVE
    )
    failed = [
        {"itemIdentifier": message["messageId"]}
        for message in event["Records"]
        if not erase_number.work(message)
    ]
    return {"batchItemFailures": failed}
