"""Make the embedded AWS deal with failed batches of a table's stream as Lambda does.

- A record that a function reports (`batchItemFailures`) comes again with all that
  follow it. In ministack the whole batch is done then.
- A batch that failed more often than the mapping's `MaximumRetryAttempts` is told of to
  the on-failure destination. In ministack it comes again for ever.

Batches are not split in two when they fail (`BisectBatchOnFunctionError`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

# Runs a function on an event, which may be any JSON.
Execute = Callable[[dict[str, Any], Any], dict[str, Any]]
Records = Sequence[dict[str, Any]]

EXHAUSTED = "RetryAttemptsExhausted"


def retried(
    execute: Execute,
    mappings: Callable[[], Sequence[dict[str, Any]]],
    advance: Callable[[dict[str, Any], int], None],
    report: Callable[..., None],
) -> Execute:
    """Return *execute*, which runs a function, with a result that has batches retried.

    *mappings* returns all event source mappings; *advance* moves the position of one by
    a number of records; *report* tells its on-failure destination of a batch.
    """
    failures: dict[tuple[str, str], int] = {}

    def execute_function(function: dict[str, Any], event: Any) -> dict[str, Any]:
        result = execute(function, event)
        mapping = _mapping_of(function, event, mappings)
        if mapping is None:
            return result
        records = event["Records"]
        failed = _first_failed(mapping, records, result)
        if failed is None:
            return result
        left = records[failed:]
        if failed and not mapping.get("FilterCriteria"):
            advance(mapping, failed)
        key = mapping["UUID"], _place(left[0])
        failures[key] = failures.get(key, 0) + 1
        most = mapping.get("MaximumRetryAttempts")
        if most is None or int(most) < 0 or failures[key] <= int(most):
            return {**result, "error": True}
        del failures[key]
        report(mapping, function, left, mapping["EventSourceArn"], result, EXHAUSTED)
        # The mapping goes on behind the batch.
        return {**result, "error": False}

    return execute_function


def _mapping_of(
    function: dict[str, Any],
    event: Any,
    mappings: Callable[[], Sequence[dict[str, Any]]],
) -> dict[str, Any] | None:
    """Return the mapping of a stream that an event comes from; None for others."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    if not isinstance(first, dict) or first.get("eventSource") != "aws:dynamodb":
        return None
    name = (function.get("config") or function).get("FunctionName")
    source = first.get("eventSourceARN")
    for mapping in mappings():
        if (mapping["FunctionName"], mapping["EventSourceArn"]) == (name, source):
            return mapping
    return None


def _first_failed(
    mapping: dict[str, Any], records: Records, result: dict[str, Any]
) -> int | None:
    """Return the index of the first record that comes again; None if none does."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return None
    reported = _reported(result.get("body"))
    if not reported:
        return None
    found = [n for n, record in enumerate(records) if _place(record) in reported]
    # A report that names no record of the batch is of all.
    return min(found, default=0)


def _reported(body: Any) -> set[str]:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return set()
    failures = body.get("batchItemFailures", []) if isinstance(body, dict) else []
    return {str(each.get("itemIdentifier")) for each in failures}


def _place(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])
