"""Read and write amounts of money and numbers of seconds: one strict parser for all.

Python's own parsers take more than any sender means: `1_000`, Arabic digits, NaN,
5,000 digits that take seconds to read, exponents that fill the memory once the value
is written out. Here a text that is not plainly a number is not known.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

# What Plivo charges in (plivo-contract 1.4 names no other).
CURRENCY = "USD"

# Beyond, a number is a mistake of its sender.
MOST_DIGITS = 15
MOST_MONEY = Decimal(10**9)
MOST_SECONDS = 10**9

_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_WHOLE = re.compile(r"\+?([0-9]{1,15})(?:\.0{1,15})?", re.ASCII)
_DECIMAL = re.compile(
    r"(-?)\+?([0-9]{1,15}(?:\.[0-9]{1,18})?)(?:[eE]([+-]?[0-9]{1,2}))?", re.ASCII
)


def digits(text: str) -> int | None:
    """Parse 15 plain digits at most, as HTTP writes numbers; None for anything else."""
    return int(text) if _DIGITS.fullmatch(text) else None


def whole_number(value: object) -> int | None:
    """Parse a whole number of 15 digits at most; None if *value* is not one.

    `60.0` is 60. Signs, separators and exponents are not read.
    """
    match = _WHOLE.fullmatch(_text_of(value))
    return int(match[1]) if match else None


def money(value: object) -> Decimal | None:
    """Parse an amount from 0 to a billion; None if *value* is not one.

    A small exponent is read, as in `2.5e-05`, because that is how many programs write
    small numbers; `-0` is 0, any other negative amount is not known.
    """
    match = _DECIMAL.fullmatch(_text_of(value))
    if not match:
        return None
    sign, digits, exponent = match.groups()
    amount = Decimal(digits).scaleb(int(exponent or 0))
    if amount >= MOST_MONEY or (sign and amount):
        return None
    return abs(amount)


def seconds(value: object) -> int | None:
    """Parse a duration in seconds, rounded half up; None if it is none."""
    read = money(value)
    return None if read is None else int(read.to_integral_value(ROUND_HALF_UP))


def whole_seconds(value: object) -> int | None:
    """Parse a duration in whole seconds, less than a billion; None if it is none."""
    read = whole_number(value)
    return read if read is not None and read < MOST_SECONDS else None


def milliseconds(value: object) -> int | None:
    """Parse a duration in milliseconds as seconds, rounded half up; None if none."""
    read = money(value)
    if read is None:
        return None
    return int((read / 1_000).to_integral_value(ROUND_HALF_UP))


def money_text(amount: Decimal | None) -> str | None:
    """Write an amount: decimal digits, no exponent, no zeros at the end."""
    return None if amount is None else f"{amount.normalize():f}"


def _text_of(value: object) -> str:
    """Return the text of a value as JSON or a form carries it; empty for others."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return ""
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        return ""
    return str(value).strip()
