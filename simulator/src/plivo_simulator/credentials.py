"""Identify the sender of a request: HTTP Basic with an account's id and token."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.requests import Request

from .account import AUTH_ID, TOKENS


def account_of(request: Request) -> str | None:
    """Return the id of the account whose credentials *request* carries, or None."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, token = (
            base64.b64decode(encoded, validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        return None
    right = hmac.compare_digest(TOKENS.get(name, "").encode(), token.encode())
    return name if right and name in TOKENS else None


def may_act_as(account: str, wanted: str) -> bool:
    """Return whether *account* may use *wanted*'s resources: its own or its sub's."""
    return wanted in TOKENS and account in (wanted, AUTH_ID)
