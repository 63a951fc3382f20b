"""The ways in which a JSON body may have been signed: Plivo documents none of them.

Its SDKs verify parsed parameters, and each writes values other than strings as its
own language does; the body as it came, or the URL alone, are possible too
(plivo-contract 4.1). A callback is proven if any of these fits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from masking.plivo import signature


def texts_of(url: str, body: bytes) -> dict[str, str | bytes]:
    """Return each reading's name and the text that is signed of it, without the nonce.

    *url* is the one that was registered, with the query that came. A body that is no
    JSON object has two readings: raw and URL alone.
    """
    texts = {"url_only": signature.signed_post(url, None)}
    try:
        text, is_utf8 = body.decode("utf-8"), True
    except UnicodeDecodeError:
        text, is_utf8 = body.decode("latin-1"), False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {**texts}
    raw = signature.signed_post(url, text)
    texts["raw_body"] = raw
    if isinstance(value, dict):
        texts["python"] = signature.signed_post(url, _python(value))
        texts["node"] = signature.signed_post(url, _node(value))
    # A body that is not in UTF-8 may be signed as the bytes that it is.
    as_bytes = {} if is_utf8 else {"raw_bytes": raw.encode("latin-1", "replace")}
    return {**{n: each for n, each in texts.items() if _is_text(each)}, **as_bytes}


def _python(value: Mapping[str, Any]) -> str:
    """Write parameters as the Python SDK does: True, None, nested objects flattened."""
    return "".join(
        f"{name}{_python(content)}"
        if isinstance(content, dict)
        else "".join(f"{name}{each}" for each in _python_values(content))
        for name, content in sorted(value.items())
    )


def _python_values(content: Any) -> list[str]:
    if isinstance(content, list):
        return sorted(str(each) for each in content)
    return [str(content)]


def _node(value: Mapping[str, Any]) -> str:
    """Write parameters as the Node SDK does: true, null, nested values as JSON."""
    return "".join(
        f"{name}{each}"
        for name, content in sorted(value.items())
        for each in _node_values(content)
    )


def _node_values(content: Any) -> list[str]:
    values = content if isinstance(content, list) else [content]
    return sorted(
        each if isinstance(each, str) else json.dumps(each, separators=(",", ":"))
        for each in values
    )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
