"""The embedded AWS counts writes as AWS does, so that meters may believe its answers.

Reads it does not; `proofs.units.meter` works them out.
"""

from __future__ import annotations

from typing import Any

import pytest

from proofs.units import capacity
from proofs.units.meter import asking, units_of
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.support.embedded_aws import EmbeddedAws, make_table

KEY = {"pk": {"S": "S#1"}, "sk": {"S": "A#STATE"}}
DUE = {"duty_shard": {"S": "sweep#00"}, "duty_at": {"S": "2026-01-01"}}
LATER = {**DUE, "duty_at": {"S": "2026-01-02"}}
LISTED = {"tenant_sessions": {"S": "acme"}, "created_key": {"S": "2026"}}
SMALL = {"n": {"N": "-12.50"}, "m": {"M": {"a": {"L": [{"BOOL": True}]}}}}
LARGE = {"text": {"S": "x" * 3_000}}


def indexes() -> list[tuple[list[str], list[str] | None]]:
    """Return the keys of each index of the template's table, and what is in it."""
    table = read_template(ROOT / "template.yaml")["Resources"]["Table"]["Properties"]
    own = [each["AttributeName"] for each in table["KeySchema"]]
    found: list[tuple[list[str], list[str] | None]] = []
    for index in table["GlobalSecondaryIndexes"]:
        keys = [each["AttributeName"] for each in index["KeySchema"]]
        projection = index["Projection"]
        more = projection.get("NonKeyAttributes", [])
        whole = projection["ProjectionType"] == "ALL"
        found.append((keys, None if whole else own + keys + more))
    return found


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
        for keys, projected in indexes()
    )
    assert units_of("PutItem", request, answer).write == expected


@pytest.fixture(scope="module", name="table")
def _table(aws: EmbeddedAws) -> str:
    return make_table(aws.client("dynamodb"))
