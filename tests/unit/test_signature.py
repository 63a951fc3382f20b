"""Plivo's V3 signatures, judged as its SDK judges them."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import quote, urlencode

import plivo.utils
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.plivo import signature

URL = "https://masks.example.com/v1/plivo/sessions/x/1/y/events"
TOKEN = "a-token-that-signs"
NONCE = "12345"

Pairs = Sequence[tuple[str, str]]

FORM = [
    ("EventName", "SessionSecondPartyAnswer"),
    ("From", "12025550100"),
    ("PinAuthenticationStatus", ""),
]

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
# Surrogates are no text on the wire.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["masks.example.com", "masks.example.com:8443", "127.0.0.1:8000"]),
    st.sampled_from(["", "/", "/v1/plivo/sessions", "/stage/v1/", "/a%20b/c+d"]),
    st.lists(st.tuples(ASCII, ASCII), max_size=3).map(
        lambda pairs: "?" + urlencode(pairs) if pairs else ""
    ),
)


def signed(message: str, token: str = TOKEN) -> str:
    """Sign *message* and the nonce as Plivo does."""
    digest = hmac.new(token.encode(), f"{message}.{NONCE}".encode(), sha256).digest()
    return base64.b64encode(digest).decode()


def by_name(form: Pairs) -> dict[str, str | list[str]]:
    """Return a form as the SDK takes it: values of a repeated name as a list."""
    names: dict[str, list[str]] = {}
    for name, value in form:
        names.setdefault(name, []).append(value)
    return {
        name: values if len(values) > 1 else values[0] for name, values in names.items()
    }


def sdk_says(method: str, url: str, form: Pairs, given: str) -> bool:
    """Ask Plivo's SDK."""
    return bool(
        plivo.utils.validate_v3_signature(
            method, url, NONCE, TOKEN, given, by_name(form)
        )
    )


def we_say(
    method: str,
    url: str,
    form: Pairs,
    headers: Mapping[str, str],
    tokens: tuple[str, ...] = (TOKEN,),
) -> bool:
    """Ask ourselves."""
    return signature.is_valid(
        method=method,
        url=url,
        form=form,
        headers={signature.NONCE: NONCE, **headers},
        auth_tokens=tokens,
    )


@settings(max_examples=1_000)
@given(
    method=st.sampled_from(["GET", "POST"]),
    url=URLS,
    form=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    mistake=st.sampled_from(["none", "url", "form", "token", "nonce", "cut", "list"]),
)
def test_the_verdict_is_the_sdks(
    method: str, url: str, form: Pairs, mistake: str
) -> None:
    form = form if method == "POST" else []
    message = signature.signed_text(
        method,
        url + "x" if mistake == "url" else url,
        [*form, ("Amount", "1")] if mistake == "form" else form,
    )
    value = signed(
        message + "1" if mistake == "nonce" else message,
        "another" if mistake == "token" else TOKEN,
    )
    if mistake == "cut":
        value = value[:-2]
    if mistake == "list":
        value = f"bm9uc2Vuc2U=,{value}"

    outcome = sdk_says(method, url, form, value)

    assert outcome is (mistake in ("none", "list"))
    assert we_say(method, url, form, {signature.HEADERS[0]: value}) is outcome


@pytest.mark.parametrize(
    ("method", "url", "form", "text"),
    [
        ("GET", "https://h.example.com/p", [], "https://h.example.com/p"),
        (
            "GET",
            "https://h.example.com/p?b=2&a=1&a=0&c=",
            [],
            "https://h.example.com/p?a=0&a=1&b=2&c=",
        ),
        ("POST", "https://h.example.com:81/p#rc=2", [], "https://h.example.com:81/p"),
        (
            "POST",
            "https://h.example.com/p?q=a%20b",
            [],
            "https://h.example.com/p?q=a b",
        ),
        (
            "POST",
            "https://h.example.com/p",
            [("b", "2"), ("a", "y"), ("a", "x"), ("c", "")],
            "https://h.example.com/p?axayb2c",
        ),
        (
            "post",
            "https://h.example.com/p?z=1",
            [("a", "é")],
            "https://h.example.com/p?z=1.aé",
        ),
        (
            "POST",
            "https://h.example.com/p",
            [("a", "1"), ("B", "2")],
            "https://h.example.com/p?B2a1",
        ),
    ],
)
def test_the_signed_text_is_url_query_and_sorted_attributes(
    method: str, url: str, form: Pairs, text: str
) -> None:
    assert signature.signed_text(method, url, form) == text


@pytest.mark.parametrize("name", signature.HEADERS)
def test_the_own_accounts_and_the_main_accounts_signature_both_count(name: str) -> None:
    value = signed(signature.signed_text("POST", URL, FORM))

    assert we_say("POST", URL, FORM, {name: value})


@pytest.mark.parametrize("apart", [",", ", ", " ,", " , ,"])
@pytest.mark.parametrize("place", [0, 1])
def test_one_right_signature_in_a_list_is_enough(apart: str, place: int) -> None:
    right = signed(signature.signed_text("POST", URL, FORM))
    wrong = signed("something else")
    values = [right, wrong] if place == 0 else [wrong, right]

    assert we_say("POST", URL, FORM, {signature.HEADERS[0]: apart.join(values)})


def test_a_token_that_is_being_replaced_still_counts() -> None:
    value = signed(signature.signed_text("POST", URL, FORM), "the-previous-token")
    headers = {signature.HEADERS[0]: value}

    assert we_say("POST", URL, FORM, headers, (TOKEN, "the-previous-token"))
    assert not we_say("POST", URL, FORM, headers, (TOKEN,))
    assert not we_say("POST", URL, FORM, headers, ())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {signature.HEADERS[0]: ""},
        {signature.HEADERS[0]: " , "},
        {signature.HEADERS[0]: "é"},
        {"x-plivo-signature-v2": signed(URL)},
    ],
)
def test_what_carries_no_v3_signature_is_not_valid(headers: dict[str, str]) -> None:
    assert not we_say("POST", URL, FORM, headers)


def test_a_signature_without_its_nonce_is_not_valid() -> None:
    value = signed(signature.signed_text("POST", URL, FORM))

    assert not we_say(
        "POST", URL, FORM, {signature.HEADERS[0]: value, signature.NONCE: ""}
    )


def test_a_blank_attribute_is_part_of_what_is_signed() -> None:
    headers = {signature.HEADERS[0]: signed(signature.signed_text("POST", URL, FORM))}

    assert not we_say("POST", URL, FORM[:-1], headers)


def test_the_query_is_part_of_what_is_signed() -> None:
    url = f"{URL}?tenant={quote('a b')}"
    headers = {signature.HEADERS[0]: signed(signature.signed_text("POST", url, FORM))}

    assert we_say("POST", url, FORM, headers)
    assert not we_say("POST", URL, FORM, headers)


def test_a_request_with_either_header_claims_to_be_signed() -> None:
    assert signature.is_signed({signature.HEADERS[0]: "x"})
    assert signature.is_signed({signature.HEADERS[1]: "x"})
    # An empty header claims to be a signature, and is a wrong one.
    assert signature.is_signed({signature.HEADERS[0]: "", signature.NONCE: "1"})
    assert not signature.is_signed({signature.NONCE: "1"})
