"""Let time pass in the table instead of on the clock, for a small run.

Once every request has been answered nobody works on a session any more; then moving
its lease into the past has the effect of waiting for its end. The messages of the
delayed queue are handed to their function at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.core import key_space
from masking.core.key_space import STATE, Item
from masking.core.times import stamp
from masking.storage.table import read_item, written_item
from proofs.harness import invoke
from stack.running import RunningStack

PAST = timedelta(hours=1)


def end_leases(stack: RunningStack) -> None:
    """End all leases, and hand out the checks that would have come after them."""
    dynamodb, table = stack.aws.client("dynamodb"), stack.outputs["TableName"]
    past = stamp(datetime.now(UTC) - PAST)
    checks: list[dict[str, Any]] = []
    for item in _states(dynamodb, table):
        session_uuid = key_space.owner_of(item)
        changed = _without_lease(item, past)
        if changed != item:
            dynamodb.put_item(TableName=table, Item=written_item(changed))
            checks.append({"session_uuid": session_uuid})
        if item["attempt"] > 1:
            checks.append({"session_uuid": session_uuid, "orphans": True})
    if checks:
        records = [{"body": json.dumps(check)} for check in checks]
        invoke(stack, "check_sessions", {"Records": records})


def _without_lease(item: Item, past: str) -> Item:
    changed = dict(item)
    if "lease_until" in item:
        changed["lease_until"] = past
    if "pending" in item:
        changed["pending"] = {**item["pending"], "lease_until": past}
    if item.get("duty_shard", "").startswith("reconcile#"):
        changed["duty_at"] = past
    return changed


def _states(dynamodb: Any, table: str) -> Iterator[Item]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            plain = read_item(item)
            if plain["sk"] == STATE:
                yield plain
