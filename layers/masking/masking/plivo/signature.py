"""Check Plivo's V3 signatures of callbacks, without importing its SDK.

The scheme (plivo-contract 4.1): HMAC-SHA256 with an auth token over
`URL without query`, `?`, the sorted query, and for a POST a `.` where both are there
and the sorted parameters run together, then `.` and the nonce; base64. Values are
decoded before they are signed and empty ones count.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

# With the account's or sub-account's own token, and with the main account's.
HEADERS = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
NONCE = "x-plivo-signature-v3-nonce"

Pairs = Sequence[tuple[str, str]]


# A rotation puts two values into a header; more than these are not looked at.
MOST_VALUES = 10


@dataclass(frozen=True)
class Proof:
    """What proved a request: the header, and which reading of the body it covers."""

    header: str
    reading: str


def is_signed(headers: Mapping[str, str]) -> bool:
    """Return whether a request claims to be signed; *headers* have lower-case names.

    V2 does not count: it covers no body, so it proves nothing of what was sent.
    """
    return any(name in headers for name in HEADERS)


def is_valid(
    *,
    method: str,
    url: str,
    form: Pairs,
    headers: Mapping[str, str],
    auth_tokens: Iterable[str],
) -> bool:
    """Return whether any signature in *headers* is right for any of *auth_tokens*.

    *url* is the one that was registered, with the query that came; *form* holds the
    decoded pairs of the body, empty values included. Takes the same time whichever
    signature and token fit.
    """
    texts = {"form": signed_text(method, url, form)}
    return proof_of(texts, headers, auth_tokens) is not None


def proof_of(
    texts: Mapping[str, str | bytes],
    headers: Mapping[str, str],
    auth_tokens: Iterable[str],
) -> Proof | None:
    """Return what proves a request; *texts* are the readings that may be signed.

    Every combination is tried, also after one has fitted.
    """
    nonce = headers.get(NONCE)
    given = [
        (name, _bytes_of(value.strip()))
        for name in HEADERS
        for value in headers.get(name, "").split(",")[:MOST_VALUES]
        if value.strip()
    ]
    if not nonce or not given:
        return None
    proof = None
    for auth_token in auth_tokens:
        key = auth_token.encode()
        for reading, text in texts.items():
            signed = text if isinstance(text, bytes) else _bytes_of(text)
            digest = hmac.digest(key, signed + b"." + _bytes_of(nonce), "sha256")
            expected = base64.b64encode(digest)
            for name, value in given:
                is_right = hmac.compare_digest(expected, value)
                proof = proof or (Proof(name, reading) if is_right else None)
    return proof


def _bytes_of(text: str) -> bytes:
    """Encode what came; a lone surrogate, which nobody can sign, is no failure."""
    return text.encode("utf-8", "surrogatepass")


def signed_text(method: str, url: str, form: Pairs, encoding: str = "utf-8") -> str:
    """Return the text that Plivo signs, without the nonce.

    *encoding* is that of what is escaped in the query.
    """
    bare, query = _parts(url, encoding)
    if method.upper() == "GET":
        text = "&".join([f"{key}={value}" for key, value in sorted([*query, *form])])
        return f"{bare}?{text}" if text else bare
    sent = "".join([f"{key}{value}" for key, value in sorted(form)])
    return _posted(bare, query, sent if form else None)


def signed_post(url: str, sent: str | None) -> str:
    """Return the text that is signed of a POST whose body reads as *sent*, if any."""
    return _posted(*_parts(url), sent)


def _parts(url: str, encoding: str = "utf-8") -> tuple[str, list[tuple[str, str]]]:
    address, _, query = url.partition("#")[0].partition("?")
    if not query:
        return address, []
    return address, parse_qsl(query, keep_blank_values=True, encoding=encoding)


def _posted(bare: str, query: list[tuple[str, str]], sent: str | None) -> str:
    if not query:
        return bare if sent is None else f"{bare}?{sent}"
    asked = "&".join([f"{key}={value}" for key, value in sorted(query)])
    return f"{bare}?{asked}" if sent is None else f"{bare}?{asked}.{sent}"
