"""What a create and an update may say: types, ranges, defaults, rules across fields.

The attributes, their defaults and their rules are those of Plivo's masking page. All
violations of a request are found in one go. The defaults are filled in here and sent
to Plivo explicitly, because Plivo's documented and real ones differ
(plivo-contract 1.2).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from masking import numbers
from masking.errors import (
    FieldNotUpdatableError,
    InvalidRequestError,
    MalformedBodyError,
)
from masking.fields import (
    Audio,
    AudioFormat,
    Labels,
    Method,
    PhoneNumber,
    Pin,
    RetentionDays,
    Seconds,
    Subaccount,
    WebAddress,
)

# Requests


class Body(BaseModel):
    """A JSON body: no unknown fields, no conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class CreateSession(Body):
    """A masking session as an app asks for it; attributes as on Plivo's page."""

    first_party: PhoneNumber | None = None
    second_party: PhoneNumber | None = None
    session_expiry: Seconds = 3600
    call_time_limit: Seconds = 3600
    ring_timeout: Seconds = 120
    record: bool = False
    record_file_format: AudioFormat = "mp3"
    recording_retention_days: RetentionDays | None = None
    recording_callback_url: WebAddress | None = None
    recording_callback_method: Method = "POST"
    callback_url: WebAddress | None = None
    callback_method: Method = "POST"
    initiate_call_to_first_party: bool = False
    first_party_play_url: Audio | None = None
    second_party_play_url: Audio | None = None
    geomatch: bool = True
    subaccount: Subaccount | None = None
    is_pin_authentication_required: bool = False
    generate_pin: bool = False
    generate_pin_length: Annotated[int, Field(ge=4, le=15)] = 4
    first_party_pin: Pin | None = None
    second_party_pin: Pin | None = None
    pin_prompt_play: Audio | None = None
    pin_retry: Annotated[int, Field(ge=0, le=5)] = 1
    pin_retry_wait: Annotated[int, Field(ge=5, le=10)] = 5
    incorrect_pin_play: Audio | None = None
    unknown_caller_play: Audio | None = None
    create_session_with_single_party: bool = False
    virtual_number_cooloff_period: Annotated[int, Field(ge=0, le=3600)] = 0
    force_pin_authentication: bool = False
    labels: Labels = Field(default_factory=dict)


class UpdateSession(Body):
    """What may change in a session that exists; an absent field stays as it is.

    `session_expiry` counts from the moment of the update, as at Plivo.
    """

    first_party: PhoneNumber | None = None
    second_party: PhoneNumber | None = None
    session_expiry: Seconds | None = None
    call_time_limit: Seconds | None = None
    ring_timeout: Seconds | None = None
    record: bool | None = None
    record_file_format: AudioFormat | None = None
    recording_callback_url: WebAddress | None = None
    recording_callback_method: Method | None = None
    callback_url: WebAddress | None = None
    callback_method: Method | None = None
    first_party_play_url: Audio | None = None
    second_party_play_url: Audio | None = None


UPDATABLE = frozenset(UpdateSession.model_fields)
FROZEN = frozenset(CreateSession.model_fields) - UPDATABLE

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


# Rules across fields


@dataclass(frozen=True)
class Rule:
    """One rule across fields: *holds* is asked only if all *fields* are valid."""

    field: str
    fields: frozenset[str]
    text: str
    holds: Callable[[CreateSession], bool]


def _rule(
    field: str, also: Iterable[str], text: str, holds: Callable[[CreateSession], bool]
) -> Rule:
    return Rule(field, frozenset({field, *also}), text, holds)


PINS = ("is_pin_authentication_required", "generate_pin")

RULES = (
    _rule(
        "first_party",
        ["create_session_with_single_party"],
        "is required unless create_session_with_single_party is true",
        lambda s: bool(s.first_party) or s.create_session_with_single_party,
    ),
    _rule(
        "second_party",
        ["create_session_with_single_party"],
        "is required unless create_session_with_single_party is true",
        lambda s: bool(s.second_party) or s.create_session_with_single_party,
    ),
    _rule(
        "create_session_with_single_party",
        ["first_party", "second_party"],
        "needs first_party or second_party",
        lambda s: (
            not s.create_session_with_single_party
            or bool(s.first_party or s.second_party)
        ),
    ),
    _rule(
        "second_party",
        ["first_party"],
        "must differ from first_party",
        lambda s: s.second_party is None or s.first_party != s.second_party,
    ),
    _rule(
        "generate_pin",
        PINS,
        "applies only when is_pin_authentication_required is true",
        lambda s: not s.generate_pin or s.is_pin_authentication_required,
    ),
    _rule(
        "generate_pin_length",
        PINS,
        "applies only when generate_pin is true",
        lambda s: "generate_pin_length" not in s.model_fields_set or s.generate_pin,
    ),
    _rule(
        "first_party_pin",
        [*PINS, "first_party"],
        "is required with PIN authentication unless generate_pin is true",
        lambda s: (
            not s.is_pin_authentication_required
            or s.generate_pin
            or bool(s.first_party_pin)
            or not s.first_party
        ),
    ),
    _rule(
        "second_party_pin",
        [*PINS, "second_party"],
        "is required with PIN authentication unless generate_pin is true",
        lambda s: (
            not s.is_pin_authentication_required
            or s.generate_pin
            or bool(s.second_party_pin)
            or not s.second_party
        ),
    ),
    _rule(
        "second_party_pin",
        ["first_party_pin"],
        "must differ from first_party_pin",
        lambda s: s.second_party_pin is None or s.first_party_pin != s.second_party_pin,
    ),
    _rule(
        "pin_prompt_play",
        ["is_pin_authentication_required"],
        "is required when is_pin_authentication_required is true",
        lambda s: not s.is_pin_authentication_required or bool(s.pin_prompt_play),
    ),
    _rule(
        "force_pin_authentication",
        ["is_pin_authentication_required"],
        "applies only when is_pin_authentication_required is true",
        lambda s: not s.force_pin_authentication or s.is_pin_authentication_required,
    ),
)


class CreateErasure(Body):
    """Whom to forget: all that the tenant has of this number goes."""

    phone_number: PhoneNumber


# Parsing


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises MalformedBodyError for everything else.

    Refused beside what is not JSON: repeated keys, NaN and the infinities, and lone
    surrogates, which are JSON but no text.
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


def parse_create(sent: Mapping[str, Any]) -> CreateSession:
    """Check the body of a create. Raises InvalidRequestError with all violations."""
    violations, broken = violations_of(CreateSession, sent)
    valid = {name: value for name, value in sent.items() if name not in broken}
    checked = CreateSession.model_validate(valid)
    violations += [
        _violation(rule.field, rule.text, sent)
        for rule in RULES
        if not rule.fields & broken and not rule.holds(checked)
    ]
    if violations:
        raise InvalidRequestError(violations=violations)
    return checked


def parse_update(sent: Mapping[str, Any]) -> UpdateSession:
    """Check the body of an update.

    Raises FieldNotUpdatableError if it names attributes that Plivo freezes, and
    InvalidRequestError with all violations otherwise.
    """
    frozen = sorted(FROZEN & sent.keys())
    if frozen:
        rule = "cannot be changed once the session exists"
        raise FieldNotUpdatableError(
            violations=[_violation(name, rule, sent) for name in frozen]
        )
    violations, _ = violations_of(UpdateSession, sent)
    violations += [
        _violation(name, "must not be null", sent)
        for name in sorted(UPDATABLE & sent.keys())
        if sent[name] is None
    ]
    if not violations and not sent:
        violations = [_violation("", "must change at least one field", sent)]
    if violations:
        raise InvalidRequestError(violations=violations)
    return UpdateSession.model_validate(sent)


def parse_erasure(sent: Mapping[str, Any]) -> CreateErasure:
    """Check the body of an erasure. Raises InvalidRequestError with all violations."""
    violations, _ = violations_of(CreateErasure, sent)
    if violations:
        raise InvalidRequestError(violations=violations)
    return CreateErasure.model_validate(sent)


def asked(request: CreateSession) -> dict[str, Any]:
    """Give what a create asks for, defaults filled in, what is unset left out.

    PIN attributes stand in it only if PIN authentication is asked for, and
    `generate_pin_length` only with `generate_pin`.
    """
    values = request.model_dump(exclude_none=True, exclude={"labels"})
    if not request.is_pin_authentication_required:
        values = {k: v for k, v in values.items() if k not in PIN_ATTRIBUTES}
    elif not request.generate_pin:
        values.pop("generate_pin_length", None)
    return values


def violations_of(
    model: type[BaseModel], sent: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], set[str]]:
    """Give the violations of single fields, and the names of these fields."""
    try:
        model.model_validate(sent)
    except ValidationError as invalid:
        found = [(str(error["loc"][0]), _text(error)) for error in invalid.errors()]
        return (
            [_violation(name, text, sent) for name, text in found],
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


def _violation(field: str, rule: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Name a broken rule and what was sent, with digits of numbers and PINs hidden."""
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
