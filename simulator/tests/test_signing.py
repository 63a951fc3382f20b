"""Test signatures: Plivo's own SDK accepts them, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plivo.utils import validate_signature, validate_v3_signature

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN, SUBACCOUNT_ID, SUBACCOUNT_TOKEN
from plivo_simulator.signature_headers import RETIRED_TOKEN, signature_headers
from plivo_simulator.signing import node_pairs, python_pairs, v2_signature, v3_signature
from plivo_simulator.switches import Switches

NONCE = "12345678901234567890"
URLS = (
    "https://app.example",
    "https://app.example/",
    "https://app.example:8443/hooks/a%20b?x=1&empty=&x=0",
    "http://app.example/hooks/?name=J%2Frg&plus=a+b",
)

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12
)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@given(pairs=st.dictionaries(st.from_regex("[A-Za-z]{1,8}", fullmatch=True), texts))
@settings(max_examples=50, deadline=None)
def test_the_sdk_accepts_what_we_sign(
    method: str, url: str, pairs: dict[str, str]
) -> None:
    # The SDK lets a key of the URL's query override the same key among the pairs.
    pairs = {k: v for k, v in pairs.items() if k not in ("x", "empty", "name", "plus")}

    signature = v3_signature(AUTH_TOKEN, method, url, pairs.items(), NONCE)

    assert validate_v3_signature(method, url, NONCE, AUTH_TOKEN, signature, dict(pairs))
    assert not validate_v3_signature(
        method, url, NONCE, SUBACCOUNT_TOKEN, signature, dict(pairs)
    )


@pytest.mark.parametrize("url", URLS)
def test_the_sdk_accepts_our_v2(url: str) -> None:
    assert validate_signature(
        url, NONCE, v2_signature(AUTH_TOKEN, url, NONCE), AUTH_TOKEN
    )


def headers_for(account: str, **chosen: str) -> dict[str, str]:
    """Return the headers of a form POST of one attribute."""
    switches = Switches()
    switches.set(chosen)
    pairs = [("EventName", "SessionTimeout")]
    return signature_headers(switches, account, "POST", URLS[1], pairs)


def is_right(headers: dict[str, str], name: str, token: str) -> Any:
    """Return the SDK's outcome on one header."""
    return validate_v3_signature(
        "POST",
        URLS[1],
        headers["X-Plivo-Signature-V3-Nonce"],
        token,
        headers[f"X-Plivo-Signature-{name}"],
        {"EventName": "SessionTimeout"},
    )


def test_a_sub_accounts_callbacks_are_signed_with_both_tokens() -> None:
    headers = headers_for(SUBACCOUNT_ID)

    assert is_right(headers, "V3", SUBACCOUNT_TOKEN)
    assert not is_right(headers, "V3", AUTH_TOKEN)
    assert is_right(headers, "Ma-V3", AUTH_TOKEN)


def test_ma_only_leaves_the_plain_headers_out() -> None:
    headers = headers_for(AUTH_ID, signing="ma_only")

    assert "X-Plivo-Signature-V3" not in headers
    assert is_right(headers, "Ma-V3", AUTH_TOKEN)


def test_unsigned_and_v2_only_and_wrong_are_what_they_say() -> None:
    assert headers_for(AUTH_ID, signing="unsigned") == {}
    assert set(headers_for(AUTH_ID, signing="v2_only")) == {
        "X-Plivo-Signature-V2",
        "X-Plivo-Signature-Ma-V2",
        "X-Plivo-Signature-V2-Nonce",
    }
    assert not is_right(headers_for(AUTH_ID, signing="wrong"), "V3", AUTH_TOKEN)


@pytest.mark.parametrize(
    ("signing", "separator"), [("rotating", ","), ("rotating_spaced", ", ")]
)
def test_during_a_rotation_the_header_lists_old_and_new(
    signing: str, separator: str
) -> None:
    headers = headers_for(AUTH_ID, signing=signing)

    old, new = headers["X-Plivo-Signature-V3"].split(separator)
    single = {**headers, "X-Plivo-Signature-V3": old}
    assert is_right(single, "V3", RETIRED_TOKEN)
    assert is_right({**headers, "X-Plivo-Signature-V3": new}, "V3", AUTH_TOKEN)


def test_python_and_node_spell_a_json_body_differently() -> None:
    attributes = {"Flag": True, "Count": 4000, "Name": "x", "Nothing": None}

    assert dict(python_pairs(attributes))["Flag"] == "True"
    assert dict(node_pairs(attributes))["Flag"] == "true"
    assert dict(node_pairs(attributes))["Count"] == "4000"
    assert dict(node_pairs(attributes))["Nothing"] == "null"
