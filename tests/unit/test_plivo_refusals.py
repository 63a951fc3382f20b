"""What Plivo refuses in its own words is told as the mistake that it is."""

from __future__ import annotations

from typing import Any

import pytest

from masking.core.problems import InvalidRequestError
from masking.plivo.errors import (
    CarrierFailedError,
    CarrierRefusedError,
    NumberPoolExhaustedError,
    explained,
)

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}


def refused(text: str) -> CarrierRefusedError:
    """Return the error of a 400 with this text, as the client raises it."""
    return CarrierRefusedError(f"Plivo refused the request: {text}", carrier_status=400)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("invalid first_party", ["first_party"]),
        ("second_party is not a valid number", ["second_party"]),
        ("invalid first_party and second_party", ["first_party", "second_party"]),
        ("Invalid phone number", ["first_party", "second_party"]),
        ("malformed destination number", ["first_party", "second_party"]),
        ("first_party cannot be a Plivo number", ["first_party"]),
    ],
)
def test_a_party_that_plivo_calls_wrong_is_told_by_its_field(
    text: str, fields: list[str]
) -> None:
    told = explained(refused(text), PAIR)

    assert isinstance(told, InvalidRequestError)
    assert told.status == 400
    violations: list[dict[str, Any]] = told.members["violations"]
    assert [each["field"] for each in violations] == fields
    assert {each["rule"] for each in violations} == {f"Plivo: {text}"}


@pytest.mark.parametrize(
    "text",
    [
        "session_expiry outside the allowed range",
        "first_party_pin and second_party_pin must differ",
        "record must be true or false",
        "callback_url must be valid",
    ],
)
def test_other_refusals_stay_as_they_are(text: str) -> None:
    error = refused(text)

    assert explained(error, PAIR) is error


def test_a_failure_of_plivos_is_no_mistake_of_the_caller() -> None:
    error = CarrierFailedError("invalid first_party")

    assert explained(error, PAIR) is error


@pytest.mark.parametrize(
    "asked",
    [
        PAIR,
        {"second_party": "+12025550101"},
        {**PAIR, "first_party": "+442079460000"},
        {**PAIR, "first_party": "+2025550100", "geomatch": False},
    ],
)
def test_an_empty_pool_stays_one_for_numbers_in_use(asked: dict[str, Any]) -> None:
    error = NumberPoolExhaustedError(carrier_status=400, retry_after=60)

    assert explained(error, asked) is error
    assert error.members["limited_by"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({**PAIR, "first_party": "+2025550100"}, "first_party"),
        ({"second_party": "+2025550100"}, "second_party"),
    ],
)
def test_no_pool_has_numbers_for_a_number_that_is_not_in_use(
    asked: dict[str, Any], field: str
) -> None:
    told = explained(NumberPoolExhaustedError(carrier_status=400), asked)

    assert isinstance(told, InvalidRequestError)
    [violation] = told.members["violations"]
    assert violation["field"] == field
    assert violation["rule"] == "is a number of +20 that is not in use"
