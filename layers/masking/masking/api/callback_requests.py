"""Read the body or query of a callback: a form, JSON, or a GET.

Repeated attributes keep every value, joined by a line feed. What is not known is kept
as it came.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from masking.core.problems import MalformedBodyError

Pairs = Sequence[tuple[str, str]]

MOST_ATTRIBUTES = 100
LATIN_1 = "latin-1"
LONGEST_NAME = 255


def pairs_of(content_type: str, body: bytes, query: str) -> Pairs:
    """Return the decoded attributes of a callback: of its body, or of its query.

    Raises MalformedBodyError if it is neither a form nor a flat JSON object.
    """
    if not body:
        return _form(query, encoding_of(query.encode()))
    if is_json(content_type):
        return _json(body)
    encoding = encoding_of(body)
    return _form(body.decode(encoding), encoding)


def encoding_of(body: bytes) -> str:
    """Return how a form is encoded: UTF-8 if it can be, else Latin-1.

    Some carriers write names in Latin-1, whatever the type of content says.
    """
    try:
        unquote_to_bytes(body).decode("utf-8")
    except UnicodeDecodeError:
        return LATIN_1
    return "utf-8"


def is_json(content_type: str) -> bool:
    """Return whether a body of this type is JSON; everything else is read as a form."""
    return content_type.split(";")[0].strip().lower() == "application/json"


def attributes_of(pairs: Pairs) -> dict[str, str]:
    """Return attributes by name. Raises MalformedBodyError if it is not a callback."""
    attributes: dict[str, str] = {}
    if not all(0 < len(name) <= LONGEST_NAME for name, _ in pairs):
        detail = "An attribute of a callback must have a name."
        raise MalformedBodyError(detail)
    for name, value in sorted(pairs):
        known = attributes.get(name)
        if known is None:
            attributes[name] = value
        elif value not in known.split("\n"):
            attributes[name] = f"{known}\n{value}"
    if not attributes.get("EventName"):
        detail = "A callback must have an EventName."
        raise MalformedBodyError(detail)
    return attributes


def digest_of(pairs: Pairs) -> str:
    """Return the SHA-256 of all decoded, sorted attributes: the callback's name."""
    canonical = json.dumps(sorted(pairs), separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _form(text: str, encoding: str) -> Pairs:
    try:
        return parse_qsl(
            text,
            keep_blank_values=True,
            max_num_fields=MOST_ATTRIBUTES,
            encoding=encoding,
            errors="strict",
        )
    except ValueError:
        raise MalformedBodyError from None


def text_of(body: bytes) -> str:
    """Return the text of a body that is no form: in UTF-8, or else in Latin-1."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(LATIN_1)


def _json(body: bytes) -> Pairs:
    try:
        value = json.loads(text_of(body))
    except (ValueError, RecursionError):
        raise MalformedBodyError from None
    if not isinstance(value, dict) or len(value) > MOST_ATTRIBUTES:
        raise MalformedBodyError
    pairs = list(_flat(value.items()))
    try:
        # A lone surrogate is valid JSON and not valid text.
        "".join(part for pair in pairs for part in pair).encode()
    except UnicodeEncodeError:
        raise MalformedBodyError from None
    if len(pairs) > MOST_ATTRIBUTES:
        raise MalformedBodyError
    return pairs


def _flat(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, value in items:
        values = value if isinstance(value, list) else [value]
        for single in values:
            text = single if isinstance(single, str) else json.dumps(single)
            yield name, text
