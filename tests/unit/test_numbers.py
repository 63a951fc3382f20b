"""Phone numbers have one form inside and are hidden in everything that is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.core import numbers

E164 = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)


@pytest.mark.parametrize("written", ["+12025550100", "12025550100"])
def test_a_number_is_kept_with_a_plus_whichever_way_it_came(written: str) -> None:
    assert numbers.normal(written) == "+12025550100"


@pytest.mark.parametrize(
    "written",
    [
        *("", "+", "+0123456789", "123456", "+1234567890123456"),
        *("+1 202 555 0100", "++12025550100", "+1202555010O", "+١٢٠٢٥٥٥٠١٠٠"),
        "+12025550100\n",
    ],
)
def test_what_is_not_e164_is_no_number(written: str) -> None:
    with pytest.raises(ValueError, match="not a phone number"):
        numbers.normal(written)


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ("12025550100", "+12025550100"),
        (" +12025550100 ", "+12025550100"),
        (12025550100, "+12025550100"),
        ("", None),
        (None, None),
        (True, None),
        ("anonymous", None),
        (["12025550100"], None),
    ],
    ids=repr,
)
def test_a_number_from_outside_may_be_missing(outside: object, inside: object) -> None:
    assert numbers.normal_or_none(outside) == inside


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+12025550100", "+*********00"),
        ("ask +1 (202) 555-0100.", "ask +**************00."),
        ("1234", "**34"),
        ("at most 999", "at most 999"),
        (12025550100, "*********00"),
        (3600, 3600),
        (999_999, 999_999),
        (-1_000_000, "-*****00"),
        (12025550100.0, "*********00"),
        (0.5, 0.5),
        (True, True),
        (None, None),
    ],
    ids=repr,
)
def test_all_but_two_digits_of_a_number_are_hidden(text: object, shown: object) -> None:
    assert numbers.masked(text) == shown


@given(E164, st.text(max_size=20), st.text(max_size=20))
def test_no_number_survives_in_a_text_that_is_shown(
    number: str, before: str, after: str
) -> None:
    shown = str(numbers.masked(f"{before}+{number}{after}"))

    assert number not in shown


@given(E164)
def test_a_number_that_came_as_a_json_number_is_hidden_too(number: str) -> None:
    assert number not in str(numbers.masked(int(number)))
    assert number not in str(numbers.masked(float(number)))
