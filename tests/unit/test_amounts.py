"""Money, seconds and times from outside: each text has a value, or is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.core import amounts, times

AT = datetime(2026, 11, 26, 13, 40, 5, tzinfo=UTC)

NOT_AMOUNTS: list[object] = [
    *("", " ", "x", "NaN", "Infinity", "-1", "-0.01", "1_000", "1,000", "0x10"),
    *(
        "1e1000000",
        "1e-1000000",
        "9" * 5001,
        "1." + "0" * 5001,
        "٣",
        "\uff11",
        "1e",
        ".",
    ),
    *("1000000000", True, None, [], {}, float("nan"), float("inf"), 10**400),
]


@pytest.mark.parametrize("value", NOT_AMOUNTS, ids=range(len(NOT_AMOUNTS)))
def test_what_is_not_plainly_an_amount_is_not_known(value: object) -> None:
    assert amounts.money(value) is None
    assert amounts.money_text(amounts.money(value)) is None
    assert amounts.seconds(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("-0", "0"), (-0.0, "0"), ("0", "0"), ("0.0170", "0.017"), (0.025, "0.025")),
        *(("2.5e-05", "0.000025"), (1e-05, "0.00001"), ("60.0", "60"), (100, "100")),
        *((" 0.02 ", "0.02"), (Decimal("1E+2"), "100"), ("+1.5", "1.5")),
    ],
)
def test_an_amount_is_written_in_digits_alone(value: object, text: str) -> None:
    assert amounts.money_text(amounts.money(value)) == text


@pytest.mark.parametrize(
    ("value", "whole", "seconds"),
    [
        *(("60", 60, 60), ("60.0", 60, 60), (" 7 ", 7, 7), (61, 61, 61)),
        *(("60.5", None, 61), (48.2, None, 48), ("-0", None, 0), ("1e3", None, 1000)),
        *(("1_000", None, None), ("٣", None, None), ("9" * 16, None, None)),
    ],
)
def test_whole_numbers_and_seconds_are_read_strictly(
    value: object, whole: int | None, seconds: int | None
) -> None:
    assert amounts.whole_number(value) == whole
    assert amounts.seconds(value) == seconds


@given(st.text(max_size=40) | st.floats() | st.integers() | st.none())
def test_no_amount_raises_or_has_an_exponent(value: object) -> None:
    text = amounts.money_text(amounts.money(value))

    assert text is None or set(text) <= set("0123456789.")
    amounts.whole_number(value)
    amounts.seconds(value)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-26 13:40:05", "2026-11-26T13:40:05Z", "2026-11-26, 13-40-05"),
        *("2026/11/26 13:40:05", "1795700405", "1795700405000", "1795700405.0"),
        *("Thu, 26 Nov 2026 13:40:05 GMT", "26 Nov 2026 13:40:05 +0000"),
        *("2026-11-26 19:10:05 +0530 IST", "2026-11-26 13:40:05 +0000 UTC"),
        *("2026-11-26 13:40:05 +0000 +0000", "2026-11-26T19:10:05+05:30"),
        *("Thu Nov 26 13:40:05 2026", "Thu Nov 26 13:40:05 UTC 2026"),
        *("2026-11-26 13:40:05 +0000 UTC m=+0.0013", "1795700405000000"),
    ],
)
def test_many_writings_of_a_time_are_read(text: str) -> None:
    assert times.parse_callback_time(text) == AT


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"),
        *("2026-11-26 13:40:05 IST", "2026-13-26 13:40:05", "2026-11-26 25:40:05"),
        *(
            "9" * 5001,
            "2026-11-26 13:40:05 +99:99 " + "Z" * 5001,
            "\uff12026-11-26 13:40:05",
        ),
        *("0001-01-01 00:00:00 +0000 UTC", "26 Foo 2026 13:40:05", "-1795700405"),
    ],
)
def test_a_time_that_cannot_be_told_is_not_known(text: str) -> None:
    assert times.parse_callback_time(text) is None


@given(st.text(max_size=60))
def test_no_time_raises(text: str) -> None:
    at = times.parse_callback_time(text)

    assert at is None or times.parse_stamp(times.stamp(at)) == at


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 15, 10**15 - 1),
        ("9" * 16, None),
        ("9" * 5_001, None),
        ("", None),
        (" 1", None),
        ("+1", None),
        ("-0", None),
        ("1.0", None),
        ("1_000", None),
        ("\u0661", None),
        ("\uff11", None),
        ("1e3", None),
    ],
)
def test_digits_are_plain_digits_alone(text: str, read: int | None) -> None:
    assert amounts.digits(text) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("345100.00000", 345),
        (345_500, 346),
        ("499", 0),
        ("-1", None),
        ("", None),
        (None, None),
        ("nan", None),
        ("1_000", None),
        ("9" * 5_001, None),
        (10**400, None),
        (True, None),
    ],
)
def test_milliseconds_are_rounded_to_seconds(value: object, read: int | None) -> None:
    assert amounts.milliseconds(value) == read
