"""Validate the bodies of requests, once.

All violations of a request are found in one go. The defaults are filled in here and
sent to Plivo explicitly, because Plivo's documented and real defaults differ
(plivo-contract 1.2).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from masking.api.request_models import (
    RULES,
    CreateSessionRequest,
    ErasureRequest,
    FrozenAttributes,
    UpdateSessionRequest,
)
from masking.core import numbers
from masking.core.problems import (
    FieldNotUpdatableError,
    InvalidRequestError,
    MalformedBodyError,
)

FROZEN = frozenset(FrozenAttributes.model_fields)
UPDATABLE = frozenset(UpdateSessionRequest.model_fields) - FROZEN

# Null says of these what absence says in a create.
UNSETTABLE = frozenset(
    {
        "callback_url",
        "recording_callback_url",
        "first_party_play_url",
        "second_party_play_url",
        "recording_retention_days",
    }
)

# Null may repeat that a session lacks these.
REPEATABLE = FROZEN | {"first_party", "second_party"}

FROZEN_RULE = "cannot be changed once the session exists"

PARTIES = ("first_party", "second_party")

# Sent only where PINs are in use: Plivo's own answers hold null for them otherwise.
PIN_ATTRIBUTES = frozenset(
    {
        "generate_pin",
        "generate_pin_length",
        "first_party_pin",
        "second_party_pin",
        "pin_prompt_play",
        "pin_retry",
        "pin_retry_wait",
        "incorrect_pin_play",
        "force_pin_authentication",
    }
)


def parse_create(sent: Mapping[str, Any]) -> CreateSessionRequest:
    """Check the body of a create. Raises InvalidRequestError with all violations."""
    violations, broken = violations_of(CreateSessionRequest, sent)
    if "" in broken:
        raise InvalidRequestError(violations=violations)
    valid = {name: value for name, value in sent.items() if name not in broken}
    checked = CreateSessionRequest.model_validate(valid)
    violations += [
        violation_of(rule.field, rule.text, sent)
        for rule in RULES
        if not rule.fields & broken and not rule.holds(checked)
    ]
    if violations:
        raise InvalidRequestError(violations=violations)
    return checked


def parse_update(sent: Mapping[str, Any]) -> UpdateSessionRequest:
    """Check the body of an update.

    Frozen attributes are taken: whether they repeat what the session has is for who
    knows it. Raises FieldNotUpdatableError for values of theirs that no session can
    have, and InvalidRequestError with all violations otherwise.
    """
    violations, broken = violations_of(UpdateSessionRequest, sent)
    frozen = sorted(FROZEN & broken)
    if frozen:
        raise FieldNotUpdatableError(
            violations=[violation_of(name, FROZEN_RULE, sent) for name in frozen]
        )
    violations += [
        violation_of(name, "must not be null", sent)
        for name in sorted((UPDATABLE - UNSETTABLE - REPEATABLE) & sent.keys())
        if sent[name] is None
    ]
    if not violations and not sent:
        violations = [violation_of("", "must change at least one field", sent)]
    if violations:
        raise InvalidRequestError(violations=violations)
    return UpdateSessionRequest.model_validate(sent)


def parse_erasure(sent: Mapping[str, Any]) -> ErasureRequest:
    """Check the body of an erasure. Raises InvalidRequestError with all violations."""
    violations, _ = violations_of(ErasureRequest, sent)
    if violations:
        raise InvalidRequestError(violations=violations)
    return ErasureRequest.model_validate(sent)


def refusal_of_parties(
    sent: Mapping[str, Any], is_ours: Callable[[str], bool]
) -> InvalidRequestError | None:
    """Return what forbids parties that are virtual numbers, as *is_ours* knows them.

    Whoever calls such a session would reach its number again and no person.
    """
    named = [name for name in PARTIES if sent.get(name) and is_ours(sent[name])]
    if not named:
        return None
    rule = "must be a person's number and not a virtual number"
    return InvalidRequestError(violations=[violation_of(n, rule, sent) for n in named])


def sent(request: CreateSessionRequest) -> dict[str, Any]:
    """Return all attributes of a create, also those that have no effect in it."""
    return request.model_dump(exclude_none=True, exclude={"labels"})


def asked(request: CreateSessionRequest) -> dict[str, Any]:
    """Return the attributes of a create, defaults filled in, without unset ones.

    It has PIN attributes only if PIN authentication is asked for, and
    `generate_pin_length` only with `generate_pin`.
    """
    values = sent(request)
    if not request.is_pin_authentication_required:
        values = {k: v for k, v in values.items() if k not in PIN_ATTRIBUTES}
    elif not request.generate_pin:
        values.pop("generate_pin_length", None)
    return values


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises MalformedBodyError for everything else.

    Repeated keys, NaN, the infinities, numbers out of range and lone surrogates are
    refused as well.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_float=_number,
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


def _number(text: str) -> float:
    """Read a number with a point or an exponent; 3.0 and 3e0 are integers in JSON."""
    value = float(text)
    if not math.isfinite(value):
        message = "a number is out of range"
        raise ValueError(message)
    return int(value) if value.is_integer() else value


def violations_of(
    model: type[BaseModel], sent: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the violations of single fields, and the names of these fields."""
    try:
        model.model_validate(sent)
    except ValidationError as invalid:
        # An error has no place if the body is wrong as a whole.
        found = [(str((*e["loc"], "")[0]), _text(e)) for e in invalid.errors()]
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
        is_url = field.endswith(("_url", "_play"))
        shown = numbers.without_user(shown, is_url=is_url)
        shown = str(numbers.masked(shown))[:100]
    else:
        shown = numbers.masked(shown)
        shown = shown[:100] if isinstance(shown, str) else shown
    return {"field": str(numbers.masked(field))[:64], "rule": rule, "sent": shown}
