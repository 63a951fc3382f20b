"""The embedded AWS counts writes as AWS does, so that meters may believe its answers.

Reads it does not; `proofs.units.meter` works them out.
"""

from __future__ import annotations

from typing import Any

import pytest

from proofs.units import capacity
from proofs.units.meter import asking, units_of
from tests.support.embedded_aws import EmbeddedAws, make_table
from tests.support.long_sessions import MeteredDynamoDb
from tests.support.request_units import index_keys

KEY = {"pk": {"S": "S#1"}, "sk": {"S": "A#STATE"}}
DUE = {"duty_shard": {"S": "sweep#00"}, "duty_at": {"S": "2026-01-01"}}
LATER = {**DUE, "duty_at": {"S": "2026-01-02"}}
LISTED = {"tenant_sessions": {"S": "acme"}, "created_key": {"S": "2026"}}
SMALL = {"n": {"N": "-12.50"}, "m": {"M": {"a": {"L": [{"BOOL": True}]}}}}
LARGE = {"text": {"S": "x" * 3_000}}


@pytest.mark.parametrize("before", [{}, SMALL, DUE, {**DUE, **LARGE}, LISTED])
@pytest.mark.parametrize(
    "after", [{}, SMALL, DUE, LATER, {**DUE, **LARGE}, {**LISTED, **LATER}]
)
def test_a_write_takes_what_the_sizes_before_and_after_say(
    aws: EmbeddedAws, table: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    client = aws.client("dynamodb")
    old: capacity.Item = {**KEY, **before} if before else {}
    new: capacity.Item = {**KEY, **after} if after else {}
    client.delete_item(TableName=table, Key=KEY)
    if old:
        client.put_item(TableName=table, Item=old)

    if new:
        request = asking("PutItem", {"TableName": table, "Item": new})
        answer = client.put_item(**request)
    else:
        request = asking("DeleteItem", {"TableName": table, "Key": KEY})
        answer = client.delete_item(**request)

    expected = capacity.write_units(capacity.item_size(old), capacity.item_size(new))
    expected += sum(
        capacity.index_write_units(old, new, keys, projected)
        for keys, projected in index_keys()
    )
    assert units_of("PutItem", request, answer).write == expected
    assert _written_in_memory(old, new) == expected


def _written_in_memory(old: capacity.Item, new: capacity.Item) -> float:
    """Return what the same write takes of a table in memory."""
    table = MeteredDynamoDb()
    if old:
        table.put_item(Item=old)
    before = table.units.write
    if new:
        table.put_item(Item=new)
    else:
        table.delete_item(Key=KEY)
    return table.units.write - before


@pytest.fixture(scope="module", name="table")
def _table(aws: EmbeddedAws) -> str:
    return make_table(aws.client("dynamodb"))
