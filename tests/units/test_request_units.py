"""What each operation costs in request units, over everything that it sets off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from proofs.units.__main__ import LONG_URL, SIZES, within
from proofs.units.bench import Bench, Cost
from proofs.units.budget import BUDGETS
from proofs.units.meter import size_of
from stack.addresses import free_addresses
from stack.stack import Stack

Costs = Mapping[str, Cost]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack whose embedded AWS holds the tables."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("units")) as running:
        yield running


@pytest.fixture(scope="module")
def costs(stack: Stack) -> dict[int, Costs]:
    """Measure with few and with many sessions in the table."""
    measured: dict[int, Costs] = {}
    for size in SIZES:
        bench = Bench(stack.running)
        bench.fill(size)
        measured[size] = bench.measure()
    return measured


@pytest.mark.parametrize("operation", BUDGETS)
def test_an_operation_is_within_its_budget(
    costs: dict[int, Costs], operation: str
) -> None:
    cost = costs[SIZES[0]][operation]

    assert within(operation, cost), cost


@pytest.mark.parametrize("operation", BUDGETS)
def test_an_operation_costs_the_same_however_many_sessions_there_are(
    costs: dict[int, Costs], operation: str
) -> None:
    few, many = (costs[size][operation] for size in SIZES)

    assert few == many


def test_long_urls_cost_a_create_what_they_take_and_nothing_later(
    stack: Stack, costs: dict[int, Costs]
) -> None:
    long = Bench(stack.running, LONG_URL).measure()

    short = costs[SIZES[0]]
    assert long["create"].path.write <= short["create"].path.write + 3
    for operation in ("update", "callback", "expire now", "expire by the sweep"):
        assert long[operation].path == short[operation].path
        after, usual = long[operation].stream, short[operation].stream
        assert (after.write, after.requests) == (usual.write, usual.requests)
        # The stream reads the session whole: at most 4 KB more for each request.
        assert after.read <= usual.read + after.requests


def test_the_size_of_an_item_is_that_of_its_names_and_values() -> None:
    item: dict[str, dict[str, Any]] = {
        "pk": {"S": "S#1"},
        "n": {"N": "1234"},
        "b": {"BOOL": True},
        "m": {"M": {"k": {"L": [{"S": "ä"}, {"NULL": True}]}}},
    }

    assert size_of(item) == (2 + 3) + (1 + 3) + (1 + 1) + (1 + 3 + 1 + (1 + 3 + 3 + 2))
