"""Read JSON bodies, strictly."""

from __future__ import annotations

import json
from typing import Any

from masking.core import numbers
from masking.core.problems import MalformedBodyError


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises MalformedBodyError for everything else.

    Repeated keys, NaN, the infinities and lone surrogates are refused as well.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        detail = "The body is not valid JSON in UTF-8."
        if isinstance(error, _RepeatedKeyError):
            detail = f"The body names the field {error} twice."
        raise MalformedBodyError(detail) from None
    if not isinstance(value, dict):
        raise MalformedBodyError
    return value


class _RepeatedKeyError(ValueError):
    """A JSON object names a key twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _RepeatedKeyError(str(numbers.masked(key))[:64])
        seen[key] = value
    return seen


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
