"""Choose the virtual number of a new session.

Pure and deterministic: the inventory is walked in its fixed order and the first
number that serves is taken, which keeps the count of numbers in use at 2N-1 for N
sessions of the busiest party and hands a freed number out again at once unless a
cool-off holds it. Rows N1 to N7 of the decision table in `plivo_simulator.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Number(Protocol):
    """A rented number, as the choice sees it."""

    @property
    def digits(self) -> str:
        """Return the digits, without `+`."""

    @property
    def country(self) -> str:
        """Return the ISO code."""

    @property
    def account(self) -> str:
        """Return the account or sub-account that rents it."""

    @property
    def voice(self) -> bool:
        """True when calls can reach it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requirements of a session: account, country, and parties to keep apart.

    *country* None means any (geomatch off); *open_door* asks for a number that no
    other open session uses, because any caller would fit both.
    """

    account: str
    country: str | None
    parties: Sequence[str]
    open_door: bool = False


def choose_number(
    inventory: Iterable[Number],
    wanted: Wanted,
    *,
    holds: Callable[[str, str], bool],
    has_open_door: Callable[[str], bool],
) -> str | None:
    """Return the digits of the first number that serves, or None when none does.

    *holds(number, party)* tells whether a live or cooling session binds the two;
    *has_open_door(number)* whether a live single-party session without PIN has it.
    """
    for number in inventory:
        if not number.voice or number.account != wanted.account:
            continue
        if wanted.country is not None and number.country != wanted.country:
            continue
        if any(holds(number.digits, party) for party in wanted.parties):
            continue
        if wanted.open_door and has_open_door(number.digits):
            continue
        return number.digits
    return None
