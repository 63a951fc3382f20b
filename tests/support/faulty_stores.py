"""Stores whose table fails where a test says, as AWS fails: by its answers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from masking.storage.stores import Stores
from tests.support.embedded_aws import EmbeddedAws
from tests.support.stores import stores_over

Fails = Callable[[dict[str, Any]], bool]


def faulty_stores(
    aws: EmbeddedAws,
    name: str,
    operation: str,
    *,
    on: int = 1,
    error: str = "ProvisionedThroughputExceededException",
) -> Stores:
    """Return stores over the table *name* that fail with *error*.

    They do so from the *on*-th request of an operation on.
    """
    from stack.aws.clients import LocalAws

    client = LocalAws(aws.url, aws.ca_file).client("dynamodb")
    seen = []

    def fail(**_: object) -> tuple[object, dict[str, Any]] | None:
        seen.append(operation)
        if len(seen) < on:
            return None
        answer = {
            "Error": {"Code": error, "Message": "made to fail"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        return SimpleNamespace(status_code=400), answer

    client.meta.events.register(f"before-call.dynamodb.{operation}", fail)
    return stores_over(client, name)
