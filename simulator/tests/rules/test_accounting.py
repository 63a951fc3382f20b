"""Test the cost of a call: rows A1 to A4 of the decision table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from plivo_simulator.rules.accounting import SESSION_AMOUNT, Bill, bill_leg, total


@pytest.mark.parametrize(
    ("seconds", "billed", "amount"),
    [
        (1, 60, Decimal("0.0085")),
        (60, 60, Decimal("0.0085")),
        (61, 120, Decimal("0.0170")),
    ],
)
def test_a1_an_answered_leg_costs_started_minutes(
    seconds: int, billed: int, amount: Decimal
) -> None:
    assert bill_leg(seconds, "US") == Bill(billed, amount, legs=1)


def test_a1_the_price_of_a_minute_depends_on_the_country() -> None:
    amounts = {bill_leg(60, country).amount for country in ("US", "GB", "IN", None)}

    assert len(amounts) == 4


def test_a2_an_unanswered_leg_counts_and_costs_nothing() -> None:
    assert bill_leg(0, "US") == Bill(0, Decimal(0), legs=1)


def test_a3_totals_are_sums_and_count_legs() -> None:
    legs = [bill_leg(31, "US"), bill_leg(17, "GB"), bill_leg(0, "US")]

    assert total(legs) == Bill(120, Decimal("0.0195"), legs=3)


def test_a4_creating_a_session_is_free() -> None:
    assert SESSION_AMOUNT == 0
