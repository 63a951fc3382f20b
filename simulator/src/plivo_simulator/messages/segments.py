"""Count the segments of a text as networks carry it.

A text of GSM 03.38 characters alone takes 160 septets in one segment, 153 in each of
several; any other takes 70 or 67 UTF-16 code units. A character of the extension table
takes two septets, one outside the basic plane two code units, and neither is cut in
two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SEPTETS = 1600
MAX_CODE_UNITS = 737

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Encoded:
    """How a text is carried: *length* is in septets or in UTF-16 code units."""

    encoding: str
    length: int
    segments: int

    @property
    def is_too_long(self) -> bool:
        """Return whether it is longer than Plivo takes in one message."""
        most = MAX_SEPTETS if self.encoding == "GSM-7" else MAX_CODE_UNITS
        return self.length > most


def encode(text: str) -> Encoded:
    """Return how *text* is carried; an empty one takes one segment."""
    if all(char in _BASIC or char in _EXTENSION for char in text):
        sizes = [2 if char in _EXTENSION else 1 for char in text]
        return Encoded("GSM-7", sum(sizes), _segments(sizes, 160, 153))
    sizes = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Encoded("UCS-2", sum(sizes), _segments(sizes, 70, 67))


def _segments(sizes: Iterable[int], alone: int, joined: int) -> int:
    sizes = list(sizes)
    if sum(sizes) <= alone:
        return 1
    segments, filled = 1, 0
    for size in sizes:
        if filled + size > joined:
            segments, filled = segments + 1, 0
        filled += size
    return segments
