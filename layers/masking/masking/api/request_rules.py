"""Rules of a create across fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from masking.api.request_models import CreateSessionRequest


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
