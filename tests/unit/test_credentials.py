"""The secret with Plivo's credentials: an operator may have written anything."""

from __future__ import annotations

import json
import traceback

import pytest

from masking.plivo import credentials
from masking.plivo.credentials import Credentials, CredentialsError

TOKEN = "aVeryPrivateToken"

WRONG = {
    "": "it is not JSON",
    TOKEN: "it is not JSON",
    f'{{"auth_id": "MAX", "auth_token": "{TOKEN}"': "it is not JSON",
    f"{{'auth_id': 'MAX', 'auth_token': '{TOKEN}'}}": "it is not JSON",
    "[" * 100_000: "it is not JSON",
    f'["MAX", "{TOKEN}"]': "it is JSON, but not an object",
    f'"{TOKEN}"': "it is JSON, but not an object",
    f'{{"auth_token": "{TOKEN}"}}': "it has no auth_id",
    f'{{"authId": "MAX", "auth_token": "{TOKEN}"}}': "it has no auth_id",
    '{"auth_id": "MAX"}': "it has no auth_token",
    '{"auth_id": "MAX", "auth_token": null}': "it has no auth_token",
    '{"auth_id": "MAX", "auth_token": ""}': "it has no auth_token",
    '{"auth_id": 17, "auth_token": "x"}': "its auth_id is not a text",
    json.dumps({"auth_id": "MAX", "auth_token": f"{TOKEN}\n"}): (
        "its auth_token has spaces, line breaks or other signs"
    ),
    json.dumps({"auth_id": "MAX ", "auth_token": TOKEN}): (
        "its auth_id has spaces, line breaks or other signs"
    ),
    json.dumps({"auth_id": "MAX", "auth_token": "x", "previous_auth_token": [TOKEN]}): (
        "its previous_auth_token is not a text"
    ),
}


@pytest.mark.parametrize(("text", "fault"), WRONG.items())
def test_what_is_wrong_is_named_without_its_content(text: str, fault: str) -> None:
    with pytest.raises(CredentialsError) as refused:
        credentials.read(text)

    assert refused.value.fault == str(refused.value) == fault
    shown = traceback.format_exception(refused.value)
    assert TOKEN not in "".join(shown)


@pytest.mark.parametrize("previous", [{}, {"previous_auth_token": ""}])
def test_one_token_holds_outside_a_rotation(previous: dict[str, str]) -> None:
    held = credentials.read(
        json.dumps({"auth_id": "MAX", "auth_token": TOKEN, **previous})
    )

    assert held == Credentials("MAX", TOKEN)
    assert held.auth_tokens == (TOKEN,)


def test_two_tokens_hold_in_a_rotation_newest_first() -> None:
    secret = {"auth_id": "MAX", "auth_token": "new", "previous_auth_token": "old"}

    assert credentials.read(json.dumps(secret)).auth_tokens == ("new", "old")


def test_credentials_that_are_printed_show_nothing() -> None:
    assert TOKEN not in repr(Credentials("MAX", TOKEN))
