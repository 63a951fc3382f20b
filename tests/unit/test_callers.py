"""A caller is the same in any writing, hides under one word, and has no name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from masking.core import callers
from masking.core.callers import Kind, Writing
from masking.domain import plivo_events
from tests.support.writings import full_width, writings_of

FIRST = "+12025550100"
SECOND = "+442079460000"
PARTIES: dict[str, str | None] = {"first": FIRST, "second": SECOND}
VIRTUAL = "+12025550180"


@pytest.mark.parametrize("written", writings_of(FIRST))
def test_a_party_is_recognized_in_any_common_writing(written: str) -> None:
    assert plivo_events.role_of(written, PARTIES) == "first"


@pytest.mark.parametrize(
    "written",
    [
        *("+44 20 7946 0000", "+44 (0)20 7946 0000", "0044 20 7946 0000"),
        *("020 7946 0000", "(020) 7946-0000", "02079460000", "011442079460000"),
        *("tel:020-7946-0000;phone-context=+44", "sip:442079460000@h", "442079460000"),
    ],
)
def test_a_party_of_a_country_with_a_trunk_prefix_is_recognized(written: str) -> None:
    assert plivo_events.role_of(written, PARTIES) == "second"


@pytest.mark.parametrize("number", [FIRST, SECOND])
def test_digits_of_a_whole_number_are_the_number_in_any_country(number: str) -> None:
    writing = callers.writing_of(number.removeprefix("+"))

    assert writing.kind is Kind.BARE
    assert [callers.is_same(writing, each) for each in (number, VIRTUAL)] == [
        True,
        False,
    ]


@pytest.mark.parametrize("written", writings_of("+12025550188"))
def test_a_stranger_is_found_by_the_number_in_any_common_writing(written: str) -> None:
    writing = callers.writing_of(written)

    assert "+12025550188" in callers.names_of(writing, near=[VIRTUAL, SECOND, None])
    assert plivo_events.role_of(written, PARTIES) == "unknown"


HIDDEN = [
    *("", " ", "anonymous", "Anonymous", "ANONYMOUS", "Restricted", "Unavailable"),
    *("private", "Private Number", "unknown", "Unknown Caller", "withheld", "blocked"),
    *("Number Withheld", "Caller ID Unavailable", "caller-id blocked", "No Caller ID"),
    *("266696687", "+266696687", "7378742833", "+7378742833", "+86282452253"),
    *("8656696", "2562533", "7748283", "sip:anonymous@anonymous.invalid", "+", "-"),
    *("sip:+12025550100@anonymous.invalid", '"Anonymous" <sip:anonymous@x.example>'),
    *("tel:anonymous", "0", "0000000000", "+0", "<>", "sip:restricted@10.0.0.1", "N/A"),
    full_width("266696687"),
]


@pytest.mark.parametrize("written", HIDDEN)
def test_a_caller_who_hides_has_one_spelling(written: str) -> None:
    assert callers.writing_of(written) == Writing(Kind.HIDDEN)
    assert plivo_events.role_of(written, PARTIES) == "anonymous"
    assert callers.shown(written) == "anonymous"
    assert callers.names_of(Writing(Kind.HIDDEN), near=[FIRST]) == ()


@pytest.mark.parametrize("written", [None, "null", "NULL", "undefined"])
def test_what_was_not_told_is_null(written: str | None) -> None:
    assert plivo_events.role_of(written, PARTIES) is None
    assert plivo_events.callee_role_of(written, PARTIES) is None


def test_nobody_is_called_who_hides() -> None:
    assert plivo_events.callee_role_of("", PARTIES) is None
    assert plivo_events.callee_role_of("anonymous", PARTIES) is None
    assert plivo_events.callee_role_of(FIRST, PARTIES) == "first"


@pytest.mark.parametrize("role", ["first", "second", "unknown", "anonymous"])
def test_the_role_of_an_erased_caller_stays(role: str) -> None:
    assert plivo_events.role_of(role, dict.fromkeys(PARTIES)) == role


NAMES = ["sip:ada@example.com", "ada@example.com", "Ada Example", "sip:ada;x=1@h"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_stranger_and_is_shown_to_nobody(name: str) -> None:
    attributes = {"EventName": "x", "From": name, "To": name, "Route": f"via {name}"}

    assert plivo_events.role_of(name, PARTIES) == "unknown"
    assert plivo_events.masked_for_tenant(attributes)["From"] == "hidden"
    if "@" in name:
        assert "ada" not in str(plivo_events.masked_for_tenant(attributes)).lower()
        assert "ada" not in str(plivo_events.without_personal_data(attributes)).lower()


@pytest.mark.parametrize(
    "attribute",
    [
        *("CallerName", "CallerID", "ForwardedFrom", "SIP-H-To", "DialBLegTo"),
        *("FromNumber", "FirstPartyNumber", "contact", "caller_id", "DisplayName"),
    ],
)
def test_an_attribute_that_names_somebody_is_personal(attribute: str) -> None:
    told = {"EventName": "x", "SequenceNumber": "1", attribute: "Ada Example"}

    assert plivo_events.without_personal_data(told) == {
        "EventName": "x",
        "SequenceNumber": "1",
    }
    assert plivo_events.masked_for_tenant(told)[attribute] == "hidden"


def test_plivos_own_attributes_stay() -> None:
    known = dict.fromkeys(plivo_events.NOT_PERSONAL, "x")

    assert plivo_events.without_personal_data(known) == known


def test_digits_of_two_countries_are_both_numbers_that_they_may_be() -> None:
    writing = callers.writing_of("2025550188")

    assert callers.names_of(writing, near=[VIRTUAL]) == ("+2025550188", "+12025550188")


def test_digits_with_the_calling_code_are_one_number() -> None:
    writing = callers.writing_of("12025550188")

    assert callers.names_of(writing, near=[VIRTUAL]) == ("+12025550188",)


def test_the_international_prefix_of_the_country_is_understood() -> None:
    writing = callers.writing_of("011442079460001")

    assert "+442079460001" in callers.names_of(writing, near=[VIRTUAL])


def test_a_number_that_no_country_near_has_is_found_as_it_was_written() -> None:
    assert callers.names_of(callers.writing_of("099"), near=[VIRTUAL]) == ("099",)


@given(st.text())
def test_any_text_is_somebody_nobody_or_hidden(text: str) -> None:
    writing = callers.writing_of(text)

    names = callers.names_of(writing, near=[VIRTUAL, SECOND])
    assert bool(names) == (writing.kind not in (Kind.HIDDEN, Kind.NOT_TOLD))
    assert plivo_events.role_of(text, PARTIES) in (
        *("first", "second", "unknown", "anonymous"),
        None,
    )


@given(st.text(max_size=12), st.text(max_size=12))
@example("%", "")
def test_a_number_in_a_text_is_held_by_it(before: str, after: str) -> None:
    kept = [each for each in before + after if not each.isdecimal()]
    text = f"{''.join(kept[: len(before)])}202-555-0100"

    assert callers.holds(text, FIRST)
    assert not callers.holds(text, "+12025550101")
