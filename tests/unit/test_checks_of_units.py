"""What an operation costs is counted and compared with its budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proofs.units.budget import BUDGETS
from proofs.units.meter import Units
from proofs.units.operations import Cost
from proofs.units.run import LONG_URLS, SAME_AT_ANY_SIZE, WITHIN_BUDGET, compare

CHEAP = {operation: Cost(Units(0.5, 1, 1), Units()) for operation in BUDGETS}


def costs(operation: str, **path: Any) -> dict[str, Cost]:
    """Return cheap costs, except those of one operation."""
    cheap = CHEAP[operation]
    return {**CHEAP, operation: Cost(replace(cheap.path, **path), cheap.stream)}


def test_what_is_cheap_at_every_size_passes() -> None:
    assert compare([CHEAP, CHEAP], CHEAP).holds


def test_what_is_over_its_budget_fails() -> None:
    dear = costs("update", write=3)

    assert compare([dear, dear], dear).failures.keys() == {WITHIN_BUDGET}


def test_what_costs_more_in_a_large_table_fails() -> None:
    dear = costs("list, page of 50", read=1)

    assert compare([CHEAP, dear], CHEAP).failures.keys() == {SAME_AT_ANY_SIZE}


def test_long_urls_may_cost_a_create_three_units_and_an_update_none() -> None:
    assert compare([CHEAP, CHEAP], costs("create", write=4)).holds
    for dear in (costs("create", write=5), costs("update", write=2)):
        assert compare([CHEAP, CHEAP], dear).failures.keys() == {LONG_URLS}
