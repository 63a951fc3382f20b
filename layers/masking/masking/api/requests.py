"""Validate the bodies of requests, once.

All violations of a request are found in one go. The defaults are filled in here and
sent to Plivo explicitly, because Plivo's documented and real defaults differ
(plivo-contract 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from masking.api.request_models import (
    CreateSessionRequest,
    ErasureRequest,
    UpdateSessionRequest,
)
from masking.api.request_rules import RULES
from masking.api.violations import violation_of, violations_of
from masking.core.problems import FieldNotUpdatableError, InvalidRequestError

UPDATABLE = frozenset(UpdateSessionRequest.model_fields)
FROZEN = frozenset(CreateSessionRequest.model_fields) - UPDATABLE

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

    Raises FieldNotUpdatableError if it names attributes that Plivo freezes, and
    InvalidRequestError with all violations otherwise.
    """
    frozen = sorted(FROZEN & sent.keys())
    if frozen:
        rule = "cannot be changed once the session exists"
        raise FieldNotUpdatableError(
            violations=[violation_of(name, rule, sent) for name in frozen]
        )
    violations, _ = violations_of(UpdateSessionRequest, sent)
    violations += [
        violation_of(name, "must not be null", sent)
        for name in sorted(UPDATABLE & sent.keys())
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


def asked(request: CreateSessionRequest) -> dict[str, Any]:
    """Return the attributes of a create, defaults filled in, without unset ones.

    It has PIN attributes only if PIN authentication is asked for, and
    `generate_pin_length` only with `generate_pin`.
    """
    values = request.model_dump(exclude_none=True, exclude={"labels"})
    if not request.is_pin_authentication_required:
        values = {k: v for k, v in values.items() if k not in PIN_ATTRIBUTES}
    elif not request.generate_pin:
        values.pop("generate_pin_length", None)
    return values
