"""Test how many segments a text takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_simulator.messages.segments import encode

# One character of the extension table: two septets.
EURO = "\u20ac"
# One character beyond the basic plane: two code units.
FACE = "\U0001f642"
CYRILLIC = "\u0434"


@pytest.mark.parametrize(
    ("text", "encoding", "length", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("\u00e9\u00df\u0394@\n", "GSM-7", 5, 1),
        (EURO * 80, "GSM-7", 160, 1),
        (EURO * 80 + "a", "GSM-7", 161, 2),
        # 153 is odd: a segment takes 76 of them and leaves one septet empty.
        (EURO * 153, "GSM-7", 306, 3),
        ("[]{}~^|\\", "GSM-7", 16, 1),
        (CYRILLIC * 70, "UCS-2", 70, 1),
        (CYRILLIC * 71, "UCS-2", 71, 2),
        (CYRILLIC * 134, "UCS-2", 134, 2),
        (CYRILLIC * 135, "UCS-2", 135, 3),
        # One such character makes all others take a code unit, too.
        ("a" * 70 + CYRILLIC, "UCS-2", 71, 2),
        (FACE * 35, "UCS-2", 70, 1),
        # 67 is odd: a segment takes 33 of them.
        (FACE * 67, "UCS-2", 134, 3),
        ("`", "UCS-2", 1, 1),
    ],
)
def test_a_text_takes_as_many_segments_as_networks_bill(
    text: str, encoding: str, length: int, segments: int
) -> None:
    encoded = encode(text)

    assert (encoded.encoding, encoded.length, encoded.segments) == (
        encoding,
        length,
        segments,
    )


@pytest.mark.parametrize(
    ("text", "too_long"),
    [
        ("a" * 1600, False),
        ("a" * 1601, True),
        (EURO * 800, False),
        (EURO * 800 + "a", True),
        (CYRILLIC * 737, False),
        (CYRILLIC * 738, True),
    ],
)
def test_plivo_takes_1600_septets_or_737_code_units(text: str, too_long: bool) -> None:
    assert encode(text).is_too_long is too_long


@given(st.text(max_size=400))
def test_segments_hold_the_text_and_none_is_spare(text: str) -> None:
    encoded = encode(text)
    most = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[encoded.encoding]

    if encoded.segments == 1:
        assert encoded.length <= most[0]
    else:
        assert encoded.length > most[0]
        assert encoded.length <= encoded.segments * most[1]
        # Each but the last is full, or one unit short of a character of two.
        assert encoded.length > (encoded.segments - 1) * (most[1] - 1)
