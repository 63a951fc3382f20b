"""Count what calls cost: legs, billed seconds, amounts, totals.

Each leg that was answered is billed from its own answer to its own end, in started
minutes, at a rate for its number's country. Plivo publishes no price for masking
sessions: the rates are invented and only their arithmetic is meant. Creating a
session is free in every captured answer. Rows A1 to A4 of the decision table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

PULSE_SECONDS = 60
SESSION_AMOUNT = Decimal(0)
_RATES = {"US": Decimal("0.0085"), "GB": Decimal("0.0110"), "IN": Decimal("0.0062")}
_DEFAULT_RATE = Decimal("0.0150")


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of a leg, a call or a session: seconds billed and US dollars."""

    seconds: int = 0
    amount: Decimal = Decimal(0)
    legs: int = 0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.seconds + other.seconds,
            self.amount + other.amount,
            self.legs + other.legs,
        )


def rate_per_minute(country: str | None) -> Decimal:
    """Return the invented price of a minute in *country*."""
    return _RATES.get(country or "", _DEFAULT_RATE)


def bill_leg(talked_seconds: float, country: str | None) -> Bill:
    """Return the bill of one leg that was up for *talked_seconds* after its answer.

    A leg that was never answered counts as a leg and costs nothing.
    """
    pulses = math.ceil(talked_seconds / PULSE_SECONDS)
    amount = rate_per_minute(country) * pulses
    return Bill(pulses * PULSE_SECONDS, amount, legs=1)


def total(bills: Iterable[Bill]) -> Bill:
    """Add *bills* up."""
    return sum(bills, Bill())
