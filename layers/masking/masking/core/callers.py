"""Who calls: a caller as callbacks write it, in any common writing.

A number in any writing is that number, one spelling stands for a caller who hides, and
what is left is a name, which is as personal as a number. Nothing here knows the
numbering plans of countries; what needs them asks `masking.core.numbering`, which is
loaded when it is first asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from masking.core.number_text import (
    ANONYMOUS,
    address_in,
    bare_text,
    digits_in,
    is_hidden,
    is_null,
    readable,
)
from masking.core.numbers import E164, calling_code, masked


class Kind(Enum):
    """What a caller is written as."""

    NOT_TOLD = "not told"
    HIDDEN = "hidden"
    FULL = "with + or an international prefix"
    BARE = "digits alone: E.164 without +, or national"
    NAME = "anything else, such as a SIP name"


@dataclass(frozen=True)
class Writing:
    """A caller as it was written; *text* is without what is only writing.

    That is E.164 with `+` for FULL, digits for BARE, folded text for NAME.
    """

    kind: Kind
    text: str = ""

    @property
    def number(self) -> str | None:
        """Return the number in E.164 with `+`; None if it is not one."""
        if self.kind is Kind.FULL:
            return self.text
        is_bare = self.kind is Kind.BARE and E164.fullmatch(self.text)
        return f"+{self.text}" if is_bare else None


def writing_of(value: object) -> Writing:
    """Read a caller or a party from outside, in any writing; never raises."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else ""
    if not isinstance(value, str) or is_null(value):
        return Writing(Kind.NOT_TOLD)
    text = readable(value)
    if is_hidden(text):
        return Writing(Kind.HIDDEN)
    bare = bare_text(text)
    if bare.startswith("+") and E164.fullmatch(bare):
        return Writing(Kind.FULL, bare)
    if bare.isascii() and bare.isdecimal():
        return Writing(Kind.BARE, bare)
    return Writing(Kind.NAME, " ".join(address_in(text).casefold().split()))


def is_same(writing: Writing, number: str | None) -> bool:
    """Return whether a caller is *number* (E.164 with `+`), national forms included."""
    if number is None:
        return False
    if writing.kind is not Kind.BARE or writing.number == number:
        return writing.number == number
    code = calling_code(number) or "+"
    national = number.removeprefix(code)
    trunk = TRUNK_PREFIXES.get(code, "0")
    forms = {national, trunk + national, f"011{number.removeprefix('+')}"}
    return len(national) >= SHORTEST_NATIONAL and writing.text in forms


# What is dialed before a national number where that is not 0 (ITU-T E.164, national
# numbering plans). In the plans of +1 it is the calling code itself.
TRUNK_PREFIXES = {"+1": "1", "+7": "8", "+36": "06", "+375": "80", "+993": "8"}

# Fewer digits are too few to tell a person by.
SHORTEST_NATIONAL = 6


def names_of(writing: Writing, near: Iterable[str | None]) -> tuple[str, ...]:
    """Return every name under which a caller is to be found; none for a hidden one.

    That is the number in E.164. Digits without `+` may be a national number as well:
    *near* are numbers whose countries it may be of. What is no number at all is its
    own name.
    """
    if writing.kind in (Kind.NOT_TOLD, Kind.HIDDEN):
        return ()
    if writing.kind is not Kind.BARE:
        return (writing.text,)
    first = writing.number or writing.text
    given = [number for number in near if number]
    if any(_is_written_alike(writing.text, number) for number in given):
        return (first,)
    # Rare, and so not imported with the function.
    from masking.core import numbering

    found = [first, *numbering.national_readings(writing.text, given)]
    return tuple(dict.fromkeys(found))


def _is_written_alike(digits: str, number: str) -> bool:
    """Return whether *digits* have the calling code and the length of *number*."""
    code = (calling_code(number) or "+").removeprefix("+")
    return digits.startswith(code) and len(digits) == len(number) - 1


# Numbers in texts


def holds(text: str, number: str | None) -> bool:
    """Return whether *text* holds *number* (E.164) in any writing, national included.

    All digits of the text count as one run, so that no separator hides a number. A `%`
    may escape a character or stand for itself: either reading counts.
    """
    if number is None:
        return False
    national = number.removeprefix(calling_code(number) or "+")
    runs = {digits_in(text), digits_in(text.replace("%", " "))}
    if len(national) >= SHORTEST_NATIONAL + 1:
        return any(national in digits for digits in runs)
    whole = (national, number.removeprefix("+"))
    return any(digits.lstrip("0") in whole for digits in runs)


def is_written_number(text: str) -> bool:
    """Return whether *text* is or holds a number by its own writing.

    That is one with `+` or 00, in a `tel:` or `sip:` address, or with its area code in
    brackets. Digits alone may be anything.
    """
    clear = readable(text)
    if re.match(r"(?i)(tel|sips?|callto):", clear) and digits_in(clear):
        return True
    if "+" in clear and re.fullmatch(r"\+[0-9]{7,15}", bare_text(clear)):
        return True
    if re.search(r"\(0?\d{2,4}\)[\s.-]*\d{3}", clear):
        return True
    return any(_is_possible(match) for match in PREFIXED.finditer(clear))


# A number within a text, by its prefix; separators as people write them.
PREFIXED = re.compile(r"(?:\+|(?<!\d)00)[\s().-]*[1-9](?:[\s().-]*\d){6,14}", re.ASCII)


def _is_possible(match: re.Match[str]) -> bool:
    from masking.core import numbering

    found = match.group()
    number = "+" + digits_in(found).removeprefix("00")
    if found.startswith("+"):
        return numbering.fault_of(number) is None
    # Numbers of orders are padded with zeros as well.
    return numbering.is_in_use(number)


def shown(value: str) -> str:
    """Return a caller as its tenant sees it: a masked number, or that there is one."""
    writing = writing_of(value)
    if writing.kind is Kind.HIDDEN:
        return ANONYMOUS
    if writing.kind is Kind.NAME:
        return "hidden" if writing.text else ""
    plain = re.fullmatch(r"[\d\s().+-]*", value)
    return str(masked(value if plain else writing.text))
