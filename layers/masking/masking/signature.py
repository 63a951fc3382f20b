"""Check Plivo's V3 signatures of callbacks, without importing its SDK.

The scheme (plivo-contract 4.1): HMAC-SHA256 with an auth token over
`URL without query`, `?`, the sorted query, and for a POST a `.` where both are there
and the sorted parameters run together, then `.` and the nonce; base64. Values are
decoded before they are signed and blank ones count.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

# With the account's or sub-account's own token, and with the main account's.
HEADERS = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
NONCE = "x-plivo-signature-v3-nonce"

Pairs = Sequence[tuple[str, str]]


def is_signed(headers: Mapping[str, str]) -> bool:
    """Say whether a request claims to be signed; *headers* have lower-case names."""
    return any(headers.get(name) for name in HEADERS)


def is_valid(
    *,
    method: str,
    url: str,
    form: Pairs,
    headers: Mapping[str, str],
    auth_tokens: Iterable[str],
) -> bool:
    """Say whether any signature in *headers* is right for any of *auth_tokens*.

    *url* is the one that was registered, with the query that came; *form* holds the
    decoded pairs of the body, blank values included. Takes the same time whichever
    signature and token fit.
    """
    nonce = headers.get(NONCE)
    given = [
        value.strip().encode()
        for name in HEADERS
        for value in headers.get(name, "").split(",")
        if value.strip()
    ]
    if not nonce or not given:
        return False
    message = f"{signed_text(method, url, form)}.{nonce}".encode()
    right = False
    for auth_token in auth_tokens:
        digest = hmac.new(auth_token.encode(), message, sha256).digest()
        expected = base64.b64encode(digest)
        for value in given:
            right |= hmac.compare_digest(expected, value)
    return right


def signed_text(method: str, url: str, form: Pairs) -> str:
    """Give the text that Plivo signs, without the nonce."""
    parts = urlsplit(url)
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    if method.upper() == "GET":
        text = "&".join(f"{key}={value}" for key, value in sorted([*query, *form]))
        return f"{bare}?{text}" if text else bare
    asked = "&".join(f"{key}={value}" for key, value in sorted(query))
    sent = "".join(f"{key}{value}" for key, value in sorted(form))
    if not asked and not form:
        return bare
    return f"{bare}?{asked}{'.' if asked and form else ''}{sent}"
