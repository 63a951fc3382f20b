"""Ask the numbering plans of countries, by the library phonenumbers.

Its data say which calling codes exist, how long a country's numbers are and which of
its ranges are in use. The last are assigned anew all the time, so a number with its
`+` is only asked to be possible.
"""

from __future__ import annotations

from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from masking.core.numbers import calling_code

NO_COUNTRY = "must begin with the calling code of a country that exists, such as +1"


def fault_of(number: str) -> str | None:
    """Return the rule that a number in E.164 with `+` breaks; None if it is possible.

    The text names its calling code and no other digit.
    """
    try:
        read = phonenumbers.parse(number)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return NO_COUNTRY
        return f"must be a whole number of {calling_code(number)}"
    code = f"+{read.country_code}"
    result = phonenumbers.is_possible_number_with_reason(read)
    if result == ValidationResult.IS_POSSIBLE:
        return None
    if result == ValidationResult.TOO_SHORT:
        return f"is too short for a number of {code}"
    if result == ValidationResult.TOO_LONG:
        return f"is too long for a number of {code}"
    if result == ValidationResult.INVALID_COUNTRY_CODE:
        return NO_COUNTRY
    return f"must have the length of a number of {code}, area code included"


def is_in_use(number: str) -> bool:
    """Return whether a number in E.164 with `+` is in a range that is in use."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except NumberParseException:
        return False


def national_readings(digits: str, near: Iterable[str]) -> list[str]:
    """Return the numbers that *digits* may be in the countries of the numbers *near*.

    They are as somebody in that country dials them, in E.164 with `+`.
    """
    found = []
    for number in near:
        code = (calling_code(number) or "+0").removeprefix("+")
        region = phonenumbers.region_code_for_country_code(int(code))
        try:
            read = phonenumbers.parse(digits, region)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number(read):
            national = phonenumbers.national_significant_number(read)
            found.append(f"+{read.country_code}{national}")
    return found
