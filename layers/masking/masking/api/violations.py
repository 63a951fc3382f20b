"""Name what breaks a rule, without a digit of anybody's number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from masking.core import numbers


def violations_of(
    model: type[BaseModel], sent: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the violations of single fields, and the names of these fields."""
    try:
        model.model_validate(sent)
    except ValidationError as invalid:
        found = [(str(error["loc"][0]), _text(error)) for error in invalid.errors()]
        return (
            [violation_of(name, text, sent) for name, text in found],
            {name for name, _ in found},
        )
    return [], set()


def _text(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "is not a field of this request"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message = str(error["msg"])
    return message.replace("Input should be", "must be", 1)


def violation_of(field: str, rule: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return a broken rule and what was sent, without digits of numbers or PINs."""
    shown = sent.get(field)
    if field.endswith("_pin"):
        shown = None if shown is None else "hidden"
    elif isinstance(shown, (dict, list)):
        shown = "an object" if isinstance(shown, dict) else "a list"
    elif isinstance(shown, str):
        shown = str(numbers.masked(shown))[:100]
    else:
        shown = numbers.masked(shown)
        shown = shown[:100] if isinstance(shown, str) else shown
    return {"field": str(numbers.masked(field))[:64], "rule": rule, "sent": shown}
