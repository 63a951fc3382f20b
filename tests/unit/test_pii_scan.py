"""The search for numbers finds every form of them, and nothing else."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.attack import pii_scan

NUMBER = "+12025550137"
PIN = "730518264937"

FORMS = {
    "with its plus": NUMBER,
    "without": "12025550137",
    "without its calling code": "2025550137",
    "with spaces": "+1 202 555 0137",
    "as Americans write it": "(202) 555-0137",
    "with dots": "202.555.0137",
    "with non-breaking spaces": "202\xa0555\xa00137",
    "URL-encoded": "%2B12025550137",
    "URL-encoded digit by digit": "".join(f"%{ord(c):02X}" for c in NUMBER),
    "URL-encoded twice": quote(quote("+1 202 555 0137")),
    "JSON-escaped": "\\u002b" + "".join(f"\\u{ord(c):04x}" for c in NUMBER[1:]),
    "JSON in JSON": json.dumps(json.dumps("\u0661 +1 202 555 0137")),
    "HTML-escaped": "&#43;1202&#53;550137",
    "in full-width digits": "".join(chr(0xFF10 + int(digit)) for digit in NUMBER[2:]),
    "in hexadecimal": NUMBER.encode().hex(),
    "as an integer": str({"From": 12025550137}),
    "masked, three left": "*********137",
    "masked, with a space": "** 0137",
    "masked at its end": "+1202555****",
    "as a name in a path": "/v1/sessions/12025550137/events",
    "next to letters": "caller12025550137x",
    "in a repr of bytes": repr(b"From=12025550137"),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_number_is_found_in_every_form(text: str) -> None:
    assert list(pii_scan.found_in("here", f"before {text} after", [NUMBER]))


@given(before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_number_is_found_in_base64_wherever_it_stands(
    before: bytes, after: bytes
) -> None:
    for form in (NUMBER, NUMBER[1:]):
        whole = before + form.encode() + after
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(whole).decode()
            assert list(pii_scan.found_in("here", text, [NUMBER])), text


@pytest.mark.parametrize(
    "text",
    [
        PIN,
        "7305 1826 4937",
        base64.b64encode(b"pin=" + PIN.encode()).decode(),
        "****937",
        f'"Digits":"{PIN}"',
    ],
)
def test_a_pin_is_found(text: str) -> None:
    assert list(pii_scan.found_in("here", text, [PIN]))


@pytest.mark.parametrize(
    "text",
    [
        "*********37",
        "+1202*******",
        "+12025550138",
        "**********37 of 2026-11-23T12:02:55.501Z",
        "hidden",
        base64.b64encode(b"+12025550138").decode(),
        "",
    ],
)
def test_what_is_none_is_not_found(text: str) -> None:
    assert list(pii_scan.found_in("here", text, [NUMBER, PIN])) == []


def test_what_is_found_says_where_and_how() -> None:
    [found] = pii_scan.found_in("log of a function", "From=%2B12025550137", [NUMBER])

    assert found.secret == NUMBER
    assert found.source == "log of a function"
    assert found.form == "digits, as it is"
    assert "From=" in found.around
