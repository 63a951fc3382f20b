"""The bodies of requests: fields, types, ranges, defaults.

Attributes and defaults are those of Plivo's masking page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from masking.api.fields import (
    Audio,
    AudioFormat,
    Labels,
    Method,
    Party,
    PersonName,
    Pin,
    RetentionDays,
    Seconds,
    Subaccount,
    WebAddress,
    held_in_labels,
)


class Body(BaseModel):
    """A JSON body: no unknown fields, no conversion of types."""

    # A function validates by one of these: the others are not built.
    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True
    )


class CreateSessionRequest(Body):
    """A masking session as an app asks for it; attributes as on Plivo's page."""

    first_party: Party | None = None
    second_party: Party | None = None
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


class FrozenAttributes(Body):
    """What Plivo freezes when it creates a session: an update may only repeat it."""

    initiate_call_to_first_party: bool | None = None
    geomatch: bool | None = None
    subaccount: Subaccount | None = None
    is_pin_authentication_required: bool | None = None
    generate_pin: bool | None = None
    generate_pin_length: Annotated[int, Field(ge=4, le=15)] | None = None
    first_party_pin: Pin | None = None
    second_party_pin: Pin | None = None
    pin_prompt_play: Audio | None = None
    pin_retry: Annotated[int, Field(ge=0, le=5)] | None = None
    pin_retry_wait: Annotated[int, Field(ge=5, le=10)] | None = None
    incorrect_pin_play: Audio | None = None
    unknown_caller_play: Audio | None = None
    create_session_with_single_party: bool | None = None
    virtual_number_cooloff_period: Annotated[int, Field(ge=0, le=3600)] | None = None
    force_pin_authentication: bool | None = None


class UpdateSessionRequest(FrozenAttributes):
    """The changes of a session that exists; an absent field stays as it is.

    `session_expiry` counts from the moment of the update, as at Plivo. Null unsets a
    URL, and makes recordings be kept as their tenant's rule says. `labels` take the
    place of all that there were.
    """

    first_party: Party | None = None
    second_party: Party | None = None
    session_expiry: Seconds | None = None
    call_time_limit: Seconds | None = None
    ring_timeout: Seconds | None = None
    record: bool | None = None
    record_file_format: AudioFormat | None = None
    recording_retention_days: RetentionDays | None = None
    recording_callback_url: WebAddress | None = None
    recording_callback_method: Method | None = None
    callback_url: WebAddress | None = None
    callback_method: Method | None = None
    first_party_play_url: Audio | None = None
    second_party_play_url: Audio | None = None
    labels: Labels | None = None


class ErasureRequest(Body):
    """The number to erase: all that the tenant has of it goes."""

    phone_number: PersonName
    callback_url: WebAddress | None = None
    callback_method: Method = "POST"


@dataclass(frozen=True)
class CrossFieldRule:
    """One rule across fields: *holds* is called only if all *fields* are valid."""

    field: str
    fields: frozenset[str]
    text: str
    holds: Callable[[CreateSessionRequest], bool]


def _rule(
    field: str,
    also: Iterable[str],
    text: str,
    holds: Callable[[CreateSessionRequest], bool],
) -> CrossFieldRule:
    return CrossFieldRule(field, frozenset({field, *also}), text, holds)


# Labels are in events, keys and queries, where no number may be.
HELD_IN_LABELS = "must not hold a number of the session, in any writing"


def _only(
    field: str,
    condition: str,
    also: Iterable[str],
    applies: Callable[[CreateSessionRequest], bool],
) -> CrossFieldRule:
    """Return the rule of an attribute that has an effect on one condition alone.

    Its default says what holds anyway, and so may be sent at all times.
    """
    default = CreateSessionRequest.model_fields[field].default
    return _rule(
        field,
        also,
        f"applies only when {condition}",
        lambda s: getattr(s, field) == default or applies(s),
    )


def _with_pins(field: str) -> CrossFieldRule:
    return _only(
        field,
        "is_pin_authentication_required is true",
        ["is_pin_authentication_required"],
        lambda s: s.is_pin_authentication_required,
    )


def _own_pin(field: str) -> tuple[CrossFieldRule, ...]:
    """Return the rules of a PIN. Each is needed, also that of a party to come.

    An unknown caller enters the PIN of the party that he acts as, and a PIN cannot be
    added later (plivo-contract 1.2, 1.6, 3.2).
    """
    switches = ("is_pin_authentication_required", "generate_pin")
    return (
        _with_pins(field),
        _only(
            field,
            "generate_pin is false",
            ["generate_pin"],
            lambda s: not s.generate_pin,
        ),
        _rule(
            field,
            switches,
            "is required with PIN authentication unless generate_pin is true",
            lambda s: (
                not s.is_pin_authentication_required
                or s.generate_pin
                or bool(getattr(s, field))
            ),
        ),
    )


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
        # Plivo calls the first party at once and connects the second.
        "initiate_call_to_first_party",
        ["first_party", "second_party", "create_session_with_single_party"],
        "needs first_party and second_party",
        lambda s: (
            not s.initiate_call_to_first_party
            or not s.create_session_with_single_party
            or bool(s.first_party and s.second_party)
        ),
    ),
    _with_pins("generate_pin"),
    _only(
        "generate_pin_length",
        "generate_pin is true",
        ["generate_pin"],
        lambda s: s.generate_pin,
    ),
    *_own_pin("first_party_pin"),
    *_own_pin("second_party_pin"),
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
    _with_pins("pin_prompt_play"),
    _with_pins("pin_retry"),
    _with_pins("pin_retry_wait"),
    _with_pins("incorrect_pin_play"),
    _with_pins("force_pin_authentication"),
    _only(
        # Plivo asks an unknown caller for a PIN, or plays this (plivo-contract 3.2).
        "unknown_caller_play",
        "is_pin_authentication_required is false",
        ["is_pin_authentication_required"],
        lambda s: not s.is_pin_authentication_required,
    ),
    _rule(
        "labels",
        ["first_party", "second_party"],
        HELD_IN_LABELS,
        lambda s: (
            not any(
                held_in_labels(s.labels, each)
                for each in (s.first_party, s.second_party)
            )
        ),
    ),
)
