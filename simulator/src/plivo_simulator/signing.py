"""Sign callbacks as Plivo signs them: V3, Ma-V3 of the main account, and V2.

The scheme is the one that Plivo's SDKs verify: values are decoded, blanks count,
keys sort by code point, and the URL's fragment is left out.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

Pairs = Iterable[tuple[str, str]]


def v3_signature(token: str, method: str, url: str, pairs: Pairs, nonce: str) -> str:
    """Return the V3 signature of a request to *url* with parameters *pairs*.

    For GET the pairs are those of the query that aren't yet in *url*; for POST they
    are the decoded body.
    """
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    if method.upper() == "GET":
        joined = _joined([*query, *pairs])
        signed = f"{base}?{joined}" if joined else base
    else:
        body = "".join(f"{key}{value}" for key, value in sorted(pairs))
        signed = _post_base(base, query, has_body=bool(body)) + body
    return _hmac(token, f"{signed}.{nonce}")


def v3_signature_of_raw_body(token: str, url: str, body: str, nonce: str) -> str:
    """Return V3 over the URL and a body as it is, one reading for JSON bodies."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    return _hmac(token, f"{_post_base(base, query, has_body=True)}{body}.{nonce}")


def v2_signature(token: str, url: str, nonce: str) -> str:
    """Return the V2 signature, which covers neither query nor body."""
    parts = urlsplit(url)
    return _hmac(token, f"{parts.scheme}://{parts.netloc}{parts.path}{nonce}")


def python_pairs(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return pairs as Plivo's Python SDK reads a parsed JSON body."""
    return [(key, str(value)) for key, value in attributes.items()]


def node_pairs(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return pairs as Plivo's Node SDK reads a parsed JSON body."""
    return [
        (key, value if isinstance(value, str) else json.dumps(value))
        for key, value in attributes.items()
    ]


def _post_base(base: str, query: list[tuple[str, str]], *, has_body: bool) -> str:
    if not query and not has_body:
        return base
    separator = "." if query and has_body else ""
    return f"{base}?{_joined(query)}{separator}"


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def _hmac(token: str, message: str) -> str:
    digest = hmac.new(token.encode(), message.encode(), sha256).digest()
    return base64.b64encode(digest).decode()
