"""Request units are counted from sizes as AWS documents it, with its own examples."""

from __future__ import annotations

from typing import Any

import pytest

from proofs.units import capacity
from proofs.units.meter import UnmeteredError, asking, units_of

KB = 1_024


def item_of(size: int) -> dict[str, Any]:
    """Return an item of *size* bytes."""
    return {"pk": {"S": "x" * (size - 2)}}


@pytest.mark.parametrize(
    ("size", "consistent", "transactional", "units"),
    [
        (3_500, True, False, 1),
        (3.5 * KB, True, False, 1),
        (4 * KB, True, False, 1),
        (4 * KB, False, False, 0.5),
        (4 * KB, False, True, 2),
        (4 * KB + 1, True, False, 2),
        (8 * KB, True, False, 2),
        (8 * KB, False, False, 1),
        (8 * KB, False, True, 4),
        (10 * KB, True, False, 3),
        (0, True, False, 1),
        (0, False, False, 0.5),
    ],
)
def test_an_item_is_read_in_steps_of_four_kb(
    size: float, consistent: bool, transactional: bool, units: float
) -> None:
    read = capacity.read_units(
        [int(size)], consistent=consistent, transactional=transactional
    )

    assert read == units


def test_a_batch_rounds_each_item_and_a_query_their_sum() -> None:
    sizes = [int(1.5 * KB), int(6.5 * KB)]

    assert capacity.read_units(sizes, consistent=True) == 12 / 4
    assert capacity.query_units(sizes, consistent=True) == 8 / 4


@pytest.mark.parametrize(
    ("sizes", "kb"),
    [
        ([int(4.08 * KB)] * 10, 44),
        ([64] * 1_500, 96),
        ([], 4),
    ],
)
def test_a_query_rounds_the_sum_of_its_items_up_once(sizes: list[int], kb: int) -> None:
    assert capacity.query_units(sizes, consistent=True) == kb / 4
    assert capacity.query_units(sizes, consistent=False) == kb / 8


@pytest.mark.parametrize(
    ("before", "after", "units", "in_a_transaction"),
    [
        (0, 500, 1, 2),
        (0, KB, 1, 2),
        (0, int(1.5 * KB), 2, 4),
        (0, 2 * KB, 2, 4),
        (0, int(3.5 * KB), 4, 8),
        (3 * KB, 100, 3, 6),
        (100, 3 * KB + 1, 4, 8),
        (2 * KB, 0, 2, 4),
        (0, 0, 1, 2),
    ],
)
def test_a_write_takes_the_larger_of_its_two_sizes_in_steps_of_one_kb(
    before: int, after: int, units: float, in_a_transaction: float
) -> None:
    assert capacity.write_units(before, after) == units
    assert capacity.write_units(before, after, transactional=True) == in_a_transaction


@pytest.mark.parametrize(("existing", "units"), [(0, 1), (300 * KB, 300)])
def test_a_refused_write_takes_what_the_item_that_is_there_weighs(
    existing: int, units: float
) -> None:
    assert capacity.refused_write_units(existing) == units


IN_INDEX = {"pk": {"S": "a"}, "shard": {"S": "1"}, "at": {"S": "10"}}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        ({}, {"pk": {"S": "a"}}, 0),
        ({}, IN_INDEX, 1),
        (IN_INDEX, {"pk": {"S": "a"}}, 1),
        (IN_INDEX, {}, 1),
        (IN_INDEX, {**IN_INDEX, "at": {"S": "11"}}, 2),
        (IN_INDEX, {**IN_INDEX, "note": {"S": "x"}}, 1),
        (IN_INDEX, {**IN_INDEX, "hidden": {"S": "x" * 9_000}}, 0),
        (IN_INDEX, IN_INDEX, 0),
        ({}, {**IN_INDEX, "note": {"S": "x" * 2_000}}, 2),
    ],
)
def test_an_index_takes_units_for_entries_that_come_go_move_or_change(
    before: capacity.Item, after: capacity.Item, units: float
) -> None:
    projected = ["pk", "shard", "at", "note"]

    written = capacity.index_write_units(before, after, ["shard", "at"], projected)

    assert written == units


def test_an_index_of_all_attributes_has_every_change() -> None:
    after = {**IN_INDEX, "note": {"S": "x"}}

    assert capacity.index_write_units(IN_INDEX, after, ["shard", "at"], None) == 1


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "ä€"}, 5),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "1234"}, 3),
        ({"N": "-1234"}, 4),
        ({"N": "1200"}, 2),
        ({"N": "0.0012"}, 2),
        ({"N": "1E+20"}, 2),
        ({"N": "1.5"}, 2),
        ({"N": "1" * 38}, 20),
        ({"B": b"four"}, 4),
        ({"B": "Zm91cg=="}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"M": {}}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"NULL": True}]}, 3 + (1 + 2) + (1 + 1)),
        ({"M": {"key": {"N": "12"}}}, 3 + 1 + 3 + 2),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "123"]}, 2 + 3),
        ({"BS": [b"a", b"bc"]}, 3),
    ],
)
def test_an_attribute_has_the_bytes_of_its_name_and_value(
    value: dict[str, Any], size: int
) -> None:
    assert capacity.item_size({"näme": value}) == 5 + size


def test_a_type_that_dynamodb_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="no type X"):
        capacity.item_size({"a": {"X": 1}})


def test_a_query_of_468_kb_takes_115_units() -> None:
    items = [item_of(4_680)] * 100

    for consistent, units in ((True, 115), (False, 57.5)):
        request = {"ConsistentRead": consistent}
        assert units_of("Query", request, {"Items": items}).read == units


@pytest.mark.parametrize("consistent", [True, False])
def test_a_batch_takes_units_for_missing_items_and_none_for_keys_left_out(
    consistent: bool,
) -> None:
    keys = [{"pk": {"S": str(number)}} for number in range(5)]
    request = {"RequestItems": {"t": {"Keys": keys, "ConsistentRead": consistent}}}
    answer = {
        "Responses": {"t": [item_of(5_000), item_of(10)]},
        "UnprocessedKeys": {"t": {"Keys": keys[:1]}},
    }

    assert units_of("BatchGetItem", request, answer).read == (2 + 1 + 2) * (
        1 if consistent else 0.5
    )


@pytest.mark.parametrize("item", [{}, {"Item": item_of(4_097)}])
def test_reading_one_item_takes_its_steps_and_one_if_it_is_missing(
    item: dict[str, Any],
) -> None:
    read = units_of("GetItem", {"ConsistentRead": True}, item).read

    assert read == (2 if item else 1)


def test_a_refused_write_is_counted_by_the_item_in_its_error() -> None:
    refused = {"Error": {"Code": "ConditionalCheckFailedException"}}
    large = item_of(2_500)

    assert units_of("PutItem", {}, refused).write == 1
    assert units_of("PutItem", {}, {**refused, "Item": large}).write == 3
    cancelled = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "None"}, {"Item": large}],
    }
    assert units_of("TransactWriteItems", {}, cancelled).write == 2 + 6


def test_a_write_asks_for_what_its_units_are_told_by() -> None:
    asked = asking("PutItem", {"ConditionExpression": "c"})

    assert asked["ReturnConsumedCapacity"] == "INDEXES"
    assert asked["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("Query", {"FilterExpression": "f"}),
        ("GetItem", {"ProjectionExpression": "p"}),
        ("BatchGetItem", {"RequestItems": {"t": {"ProjectionExpression": "p"}}}),
        ("Scan", {}),
        ("BatchWriteItem", {}),
    ],
)
def test_what_cannot_be_told_is_an_error_rather_than_a_small_number(
    operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(UnmeteredError):
        units_of(operation, request_, {"Items": [], "Responses": {}})
