"""What nobody sends by mistake is refused, with the field and the rule."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from masking.api import callback_requests, gateway, pages, requests, search_requests
from masking.core.problems import (
    InvalidRequestError,
    MalformedBodyError,
    NumberInUrlError,
    ProblemError,
    RecordingNotFoundError,
    SessionNotFoundError,
)
from masking.domain import deliveries, plivo_events

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}
UUID = "00000000-0000-4000-8000-000000000001"

# As they may stand in a path, decoded or not.
NO_UUIDS = [
    "..%2f..%2fAccount",
    "../../Account",
    f"{UUID}/../..",
    f"{UUID}\n",
    f" {UUID}",
    f"{UUID}%00",
    f"{UUID}\x00",
    UUID.upper().replace("0", "A"),
    UUID.replace("1", "\u0661"),
    UUID.replace("-", ""),
    f"{{{UUID}}}",
    f"urn:uuid:{UUID}",
    "*",
    "",
    "a" * 100_000,
]


def _request(**parameters: str) -> gateway.Request:
    return gateway.request_of(
        {
            "rawPath": "/",
            "requestContext": {"http": {"method": "GET"}},
            "pathParameters": parameters,
        }
    )


# Paths


@pytest.mark.parametrize("text", NO_UUIDS)
def test_what_is_no_uuid_is_not_found(text: str) -> None:
    with pytest.raises(SessionNotFoundError):
        _ = _request(session_uuid=text).session_uuid
    with pytest.raises(RecordingNotFoundError):
        _ = _request(recording_uuid=text).recording_uuid
    assert deliveries.keys_in(text) is None
    assert deliveries.keys_in(f"{text}.{UUID}") is None


@given(st.text())
def test_no_text_but_a_uuid_is_a_session(text: str) -> None:
    try:
        given_back = _request(session_uuid=text).session_uuid
    except SessionNotFoundError:
        return

    assert gateway.UUID.fullmatch(given_back)


# Queries


def _problem(read: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(InvalidRequestError) as refused:
        read()
    found: list[dict[str, Any]] = refused.value.members["violations"]
    return found[0]


@pytest.mark.parametrize("read", [pages.page_request_in, search_requests.parse_query])
def test_a_query_of_too_many_parameters_is_refused(
    read: Callable[[str], Any],
) -> None:
    query = "&".join(f"a{number}=1" for number in range(60))

    assert _problem(lambda: read(query)) == {
        "field": "",
        "rule": "must have at most 50 parameters",
        "sent": None,
    }


@pytest.mark.parametrize(
    "limit", ["\u0663", "%D9%A3", "1e1", "-1", "0", "1000", "", "9" * 5_000, "1_0"]
)
@pytest.mark.parametrize("read", [pages.page_request_in, search_requests.parse_query])
def test_a_limit_is_a_number_in_ascii(read: Callable[[str], Any], limit: str) -> None:
    assert _problem(lambda: read(f"limit={limit}"))["field"] == "limit"


@pytest.mark.parametrize("read", [pages.page_request_in, search_requests.parse_query])
def test_no_answer_repeats_a_number_from_a_parameters_name(
    read: Callable[[str], Any],
) -> None:
    query = "n%2B12025550137=1&n%2B12025550137=2"

    violation = _problem(lambda: read(query))

    assert violation["field"] == "n+*********37"


@pytest.mark.parametrize("query", ["12025550137", "%2B12025550137=1", "+12025550137="])
def test_a_number_as_a_parameters_name_is_a_number_in_the_url(query: str) -> None:
    @gateway.route(scope="sessions:read")
    def handler(_: gateway.Request) -> gateway.Response:
        raise AssertionError

    answer = handler(
        {
            "rawPath": "/v1/sessions",
            "rawQueryString": query,
            "requestContext": {
                "http": {"method": "GET"},
                "authorizer": {"lambda": {"scopes": "sessions:read"}},
            },
        },
        None,
    )

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == NumberInUrlError.code


@pytest.mark.parametrize("read", [pages.page_request_in, search_requests.parse_query])
def test_a_parameter_is_given_once(read: Callable[[str], Any]) -> None:
    violation = _problem(lambda: read("limit=1&limit=1"))

    assert (violation["field"], violation["rule"]) == ("limit", "must be given once")


def test_a_cursor_of_what_is_no_number_is_refused() -> None:
    cursor = base64.b64encode(b"[NaN]").decode()

    assert (
        _problem(lambda: pages.page_request_in(f"cursor={cursor}"))["field"] == "cursor"
    )


@given(st.text())
@example(base64.b64encode(b"[" * 5_000).decode())
@example(base64.b64encode(b"[NaN]").decode())
@example("\x00")
def test_every_cursor_is_taken_or_refused(cursor: str) -> None:
    try:
        asked, _ = pages.page_request_in(f"cursor={quote(cursor)}")
        pages.page_of([1, 2], asked, lambda number: ["a", number])
    except InvalidRequestError as refused:
        [violation] = refused.members["violations"]
        assert violation["field"] == "cursor"


# Bodies

NO_JSON = {
    "nothing": b"",
    "half": b'{"first_party": "+1202',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a NUL": b'{"a": "\x00"}',
    "NaN": b'{"session_expiry": NaN}',
    "Infinity": b'{"session_expiry": Infinity}',
    "minus Infinity": b'{"session_expiry": -Infinity}',
    "a key twice": b'{"record": true, "record": false}',
    "a key twice, deep": b'{"labels": {"a": "1", "a": "2"}}',
    "a deep list": b"[" * 60_000,
    "a deep object": b'{"a":' * 10_000,
    "an integer beyond all measure": b'{"session_expiry": ' + b"9" * 10_000 + b"}",
    "a lone surrogate as a key": b'{"\\ud800": 1}',
    "a lone surrogate": b'{"first_party": "\\udfff"}',
    "two documents": b"{}{}",
    "a list": b"[]",
    "a string": b'"+12025550100"',
    "a comment": b"{} // hello",
    "a single quote": b"{'a': 1}",
}

REFUSED_VALUES = {
    "Unicode digits": ("first_party", "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665"),
    "full-width digits": (
        "first_party",
        "".join(chr(0xFF10 + n % 10) for n in range(9)),
    ),
    "a NUL at the end": ("first_party", "+12025550100\x00"),
    "a line feed at the end": ("first_party", "+12025550100\n"),
    "a lone surrogate": ("first_party", "\ud800"),
    "a lone surrogate in a URL": ("callback_url", "https://app.example.com/\udfff"),
    "a NUL in a URL": ("callback_url", "https://app.example.com/\x00"),
    "a new line in a URL": ("callback_url", "https://app.example.com/\r\nHost: inside"),
    "a user in a URL": ("callback_url", "https://app.example.com@169.254.169.254/"),
    "a file": ("callback_url", "file:///etc/passwd"),
    "a huge integer": ("session_expiry", 10**4_000),
    "a float beyond all measure": ("session_expiry", 1e999),
    "a boolean as a number": ("session_expiry", True),
    "a number as a boolean": ("record", 1),
    "a deep object": ("labels", {"a": {"a": {"a": {}}}}),
    "a surrogate in a label": ("labels", {"a": "\ud800"}),
    "a NUL in a label": ("labels", {"a": "\x00"}),
    "a phone number in a label": ("labels", {"a": "+12025550137"}),
    "a PIN in Unicode digits": ("first_party_pin", "\u0661\u0662\u0663\u0664"),
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError) as refused:
        requests.read_object(body)

    assert refused.value.status == 400
    assert refused.value.explanation.endswith(".")


@pytest.mark.parametrize(
    ("field", "value"), REFUSED_VALUES.values(), ids=REFUSED_VALUES
)
def test_a_value_that_is_none_is_refused_with_its_field(
    field: str, value: object
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create({**PAIR, field: value})

    violations = refused.value.members["violations"]
    assert field in {each["field"] for each in violations}
    assert all(each["rule"] for each in violations)
    assert len(json.dumps(violations)) < 2_000


@given(st.binary(max_size=300))
@example(b'{"\\ud800": 1}')
@example(b'{"first_party": 1e999}')
@example(b'{"labels": {"\\ud800": "\\ud800"}}')
def test_every_body_is_taken_or_refused(body: bytes) -> None:
    try:
        requests.parse_create(requests.read_object(body))
    except ProblemError as refused:
        status, told = refused.status, json.dumps(refused.members)
    else:
        return

    assert status in (400, 422)
    assert told.isascii()


# Callbacks


@pytest.mark.parametrize(
    "body",
    [
        b'{"EventName": "\\ud800"}',
        b"[" * 10_000,
        b'{"EventName": ' + b"9" * 5_000 + b"}",
        b"null",
        json.dumps({f"a{n}": n for n in range(101)}).encode(),
        json.dumps({"EventName": ["a"] * 101}).encode(),
    ],
)
def test_a_json_callback_of_that_kind_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        callback_requests.pairs_of("application/json", body, "")


def test_a_form_of_that_kind_is_malformed() -> None:
    body = b"&".join(b"a=1" for _ in range(101))

    with pytest.raises(MalformedBodyError):
        callback_requests.pairs_of("application/x-www-form-urlencoded", body, "")


def test_a_number_in_a_name_of_plivos_is_masked_as_one_in_a_value() -> None:
    attributes = {"EventName": "New", "12025550137": "+12025550137"}

    assert plivo_events.without_personal_data(attributes) == {
        "EventName": "New",
        "*********37": "+*********37",
    }
