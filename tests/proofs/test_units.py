"""What each operation costs in request units, over everything that it sets off."""

from __future__ import annotations

import pytest

from proofs.report import Report
from proofs.units.budget import BUDGETS
from proofs.units.run import (
    LONG_URLS,
    SAME_AT_ANY_SIZE,
    UNAFFECTED,
    WITHIN_BUDGET,
    prove,
)
from stack.addresses import free_addresses
from stack.stack import Stack

# `make units` measures with ten times as many.
SIZES = (200, 2_000)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Measure once, with few and with many sessions in the table."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("units")) as stack:
        return prove(stack.running, print, SIZES)


@pytest.mark.parametrize(
    ("check", "cases"),
    [
        (WITHIN_BUDGET, len(BUDGETS)),
        (SAME_AT_ANY_SIZE, len(BUDGETS)),
        (LONG_URLS, 1 + len(UNAFFECTED)),
    ],
)
def test_operations_keep_their_budgets(report: Report, check: str, cases: int) -> None:
    assert report.checks[check].failures == []
    assert report.checks[check].passed == cases


def test_the_report_shows_every_operation(report: Report) -> None:
    [table] = report.tables.values()

    assert table.keys() == BUDGETS.keys()
