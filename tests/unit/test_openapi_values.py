"""What the API takes as a value fits openapi.yaml, and what fits is taken."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from pydantic import BaseModel

from masking.api import fields, request_models, requests
from masking.api.search_requests import Search
from tests.support.api_document import SCHEMAS, check, resolved
from tests.support.request_values import PATTERNS, VALUES

MODELS: dict[str, type[BaseModel]] = {
    "CreateSession": request_models.CreateSessionRequest,
    "UpdateSession": request_models.UpdateSessionRequest,
    "CreateErasure": request_models.ErasureRequest,
    "Search": Search,
}

FIELDS = [(name, field) for name in MODELS for field in SCHEMAS[name]["properties"]]

# What no schema can say, and descriptions do: which numbers people have, who is a
# person, and that Plivo's writing of a time is read as well.
BEYOND = {
    "is too long for a number of +1",
    "must be a phone number in E.164, such as +12025550100, or an address",
    "must name a person; this stands for callers who hide",
    "must be 1 to 255 printable characters",
}


def rules_broken(name: str, field: str, value: Any) -> list[str]:
    """List the rules of the API that a value breaks."""
    violations, _ = requests.violations_of(MODELS[name], {field: value})
    rules = [each["rule"] for each in violations if each["field"] == field]
    if value is None and name == "UpdateSession":
        unset = requests.UNSETTABLE | requests.REPEATABLE
        rules += [] if field in unset else ["must not be null"]
    return rules


def fits(schema: Any, value: Any) -> bool:
    """Return whether a schema allows a value."""
    try:
        check(schema, value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_the_api_and_the_schema_take_the_same_values(name: str, field: str) -> None:
    schema = resolved(SCHEMAS[name]["properties"][field])
    differing = []
    for value in VALUES:
        rules = rules_broken(name, field, value)
        if fits(schema, value) is bool(rules) and not BEYOND & set(rules):
            differing.append((value, rules))

    assert [each for each in differing if not is_time_of_plivo(field, each[0])] == []


def is_time_of_plivo(field: str, value: Any) -> bool:
    """Return whether a value is a time that only the description tells of."""
    return "_time" in field and value == "2026-01-31"


# URLs, as there are more than a list holds

PIECES = st.sampled_from(
    [*"ah19.:/?#[]@%_-", "://", "::", "1f", "65535", "1.2.3.4", ".mp3", "é", " "]
)


@given(st.lists(PIECES, max_size=12))
@settings(max_examples=500, deadline=None)
def test_a_url_is_taken_if_its_pattern_fits(pieces: list[str]) -> None:
    url = "http://" + "".join(pieces)

    for kind, take in (
        ("WebAddress", fields._web_address),
        ("AudioUrl", fields._audio),
    ):
        try:
            taken = bool(take(url))
        except ValueError:
            taken = False
        assert fits(SCHEMAS[kind], url) is taken


@pytest.mark.parametrize("kind", ["WebAddress", "AudioUrl"])
def test_a_url_that_fits_is_taken(kind: str) -> None:
    take = fields._web_address if kind == "WebAddress" else fields._audio
    longest = SCHEMAS[kind]["maxLength"]

    @given(st.from_regex(re.compile(SCHEMAS[kind]["pattern"]), fullmatch=True))
    @settings(max_examples=200, deadline=None)
    def check_one(url: str) -> None:
        if len(url) <= longest and not url.endswith("\n"):
            assert take(url)

    check_one()


# Regular expressions


def test_every_pattern_is_a_regular_expression_of_python() -> None:
    for pattern in PATTERNS:
        re.compile(pattern)
