"""What the API takes as a value fits openapi.yaml, and what fits is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from pydantic import BaseModel

from masking.api import fields, request_models, requests
from masking.api.search_requests import Search
from tests.support.api_document import DOCUMENT, SCHEMAS, check, resolved

MODELS: dict[str, type[BaseModel]] = {
    "CreateSession": request_models.CreateSessionRequest,
    "UpdateSession": request_models.UpdateSessionRequest,
    "CreateErasure": request_models.ErasureRequest,
    "Search": Search,
}

FIELDS = [(name, field) for name in MODELS for field in SCHEMAS[name]["properties"]]

LONGEST = "https://app.example.com/" + "a" * (1000 - 24)

ADDRESSES = [
    *("http://a", "HTTPS://A.B", "https://app.example.com", "https://app.example.com."),
    *(
        "http://a:1",
        "http://a:9999",
        "http://a:10000",
        "http://a:54321",
        "http://a:65535",
    ),
    *("http://a:65536", "http://a:99999", "http://a:100000", "http://a:0", "http://a:"),
    *("http://a:00080", "http://a:8a", "http://a:80:80", "http://a:-1", "http://a:+1"),
    *(
        "http://[::]",
        "http://[::1]:8080/x?y#z",
        "http://[1::]",
        "http://[1:2:3:4:5:6:7::]",
    ),
    *("http://[2001:DB8::1]/", "http://[1:2:3:4:5:6:7:8]", "http://[::2:3:4:5:6:7:8]"),
    *("http://[1:2:3:4:5:6:7]", "http://[:::]", "http://[12345::]", "http://[1::2::3]"),
    *(
        "http://[::1.2.3.4]",
        "http://[fe80::1%eth0]",
        "http://[v1.x]",
        "http://[1.2.3.4]",
    ),
    *("http://[::1", "http://::1", "http://[::1]x", "http://x[::1]", "http://]%[::"),
    *(
        "http://1.2.3.4",
        "http://1.2.3.4.",
        "http://1.2.3",
        "http://1",
        "http://256.1.1.1",
    ),
    *(
        "http://01.2.3.4",
        "http://a.1",
        "http://1.a",
        "http://1e5",
        "http://a..b",
        "http://.a",
    ),
    *(
        "http://u@h",
        "http://u:p@h",
        "http://_x.y",
        "http://-a-",
        "http://h?x",
        "http://h#x",
    ),
    *("http://" + "a" * 63, "http://" + "a" * 64, "http://" + "a." * 126 + "a"),
    *(
        "http://" + "a." * 126 + "ab",
        "http://" + "a." * 126 + "a.",
        "http://" + "1" * 300,
    ),
    *(
        "http://h/a b",
        "http://h/\u00e9",
        "http://\u00e9",
        "http://h/\nx",
        "ftp://h",
        "http://",
    ),
    *("http:///x", "//h", "h", "", LONGEST, LONGEST + "a", 'http://h/|^{}`"<>'),
    *(
        "http://h/x.mp3",
        "http://h:12345/x.MP3?y",
        "http://[::1]/x.wav#y",
        "http://h/.mp3",
    ),
    *(
        "http://h.mp3",
        "http://h/x.mp3/",
        "http://h/a?b.mp3",
        "http://h/x.mp3;y",
        "http://h/x",
    ),
]

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        4,
        5,
        7,
        8,
        10,
        11,
        15,
        16,
        30,
        50,
        51,
        90,
        100,
        1000,
    ),
    *(1001, 3600, 3601, 2147483647, 2147483648, 1.5, "1", "mp3", "wav", "ogg", "GET"),
    *(
        "POST",
        "PUT",
        "active",
        "expired",
        "all",
        "pending",
        [],
        ["x"],
        {},
        "0042",
        "123",
    ),
    *("1234", "1" * 15, "1" * 16, "12 34", "\u0661\u0662\u0663\u0664"),
    *("SA" + "X" * 18, "SA" + "x" * 18, "SA" + "X" * 17, "MA" + "X" * 18),
    *(
        "+12025550100",
        "12025550100",
        "+1 202 555 0100",
        "+0123456789",
        "+1234567890123456",
    ),
    *(
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+05:30",
        "2026-01-31",
        "soon",
        "x" * 200,
    ),
    *({"order_id": "A-17"}, {"": "x"}, {"a b": "x"}, {"a": ""}, {"a": "x" * 256}),
    *({"a": "x" * 257}, {"a": 1}, {"a" * 64: "x"}, {"a" * 65: "x"}),
    *({str(n): "x" for n in range(10)}, {str(n): "x" for n in range(11)}),
    *ADDRESSES,
]

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


def patterns(node: Any) -> Iterator[str]:
    """Yield every regular expression of the document."""
    for name, each in node.items() if isinstance(node, dict) else enumerate(node):
        if name == "pattern" and isinstance(each, str):
            yield each
        if isinstance(each, (dict, list)):
            yield from patterns(each)


PATTERNS = sorted(set(patterns(DOCUMENT)))


def test_every_pattern_is_a_regular_expression_of_python() -> None:
    for pattern in PATTERNS:
        re.compile(pattern)
