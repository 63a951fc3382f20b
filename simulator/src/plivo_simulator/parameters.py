"""Read the parameters of create and update, refusing those that Plivo refuses.

Plivo answers 400 with one error text at a time. Names are compared without regard
to case, because one of its own SDKs sends a capital where the others don't. Unknown
parameters are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .rules.model import Session, Terms
from .switches import Switches

MIN_SECONDS, MAX_SECONDS = 60, 86400
OBSERVED = {"session_expiry": 1800, "call_time_limit": 14400, "ring_timeout": 45}
DOCUMENTED = {"session_expiry": 3600, "call_time_limit": 3600, "ring_timeout": 120}

UPDATABLE = frozenset(
    {
        "call_time_limit",
        "ring_timeout",
        "record",
        "record_file_format",
        "recording_callback_url",
        "recording_callback_method",
        "callback_url",
        "callback_method",
        "first_party_play_url",
        "second_party_play_url",
    }
)
FROZEN = (
    "first_party",
    "second_party",
    "initiate_call_to_first_party",
    "is_pin_authentication_required",
    "pin_prompt_play",
    "pin_retry",
    "pin_retry_wait",
    "incorrect_pin_play",
    "unknown_caller_play",
    "geomatch",
    "subaccount",
)

_NUMBER = re.compile(r"\+?([1-9][0-9]{6,14})")
_PIN = re.compile(r"[0-9]{4,15}")


class BadParameterError(Exception):
    """Plivo would refuse the request with 400 and this text."""


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """The parameters of a create. PINs that Plivo is to generate are still missing."""

    first_party: str
    second_party: str
    session_expiry: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """The parameters of an update; None leaves an attribute unchanged."""

    terms: Terms
    session_expiry: int | None
    first_party: str | None
    second_party: str | None


def read_create(body: Mapping[str, Any], switches: Switches) -> CreateRequest:
    """Return what *body* asks for. Raise BadParameterError as Plivo answers 400."""
    sent = _sent(body)
    single = boolean_of(sent, "create_session_with_single_party")
    first, second = number_of(sent, "first_party"), number_of(sent, "second_party")
    if not single or not (first or second):
        demand(first, "first_party is missing")
        demand(second, "second_party is missing")
    demand(first != second, "first_party and second_party must be different")
    defaults = _defaults(switches)
    base = Terms(
        call_time_limit=defaults["call_time_limit"],
        ring_timeout=defaults["ring_timeout"],
    )
    terms = _read_terms(base, sent, switches)
    terms = _read_pin_terms(
        replace(terms, create_session_with_single_party=single), sent
    )
    expiry = _expiry(sent, switches) or defaults["session_expiry"]
    return CreateRequest(first, second, expiry, terms)


def read_update(
    session: Session, body: Mapping[str, Any], switches: Switches
) -> UpdateRequest:
    """Return what *body* changes. Raise BadParameterError as Plivo answers 400."""
    sent = _sent(body)
    single = session.terms.create_session_with_single_party
    parties = ("first_party", "second_party") if single else ()
    if switches["frozen_update"] == "reject":
        for name in FROZEN:
            if name in sent and name not in parties:
                _demand_unchanged(session, name, sent[name])
    allowed = {name: value for name, value in sent.items() if name in UPDATABLE}
    terms = _read_terms(session.terms, allowed, switches)
    added = {name: number_of(sent, name) or None for name in parties}
    expiry = _expiry(sent, switches)
    if expiry == 0:
        expiry = _defaults(switches)["session_expiry"]
    return UpdateRequest(
        terms, expiry, added.get("first_party"), added.get("second_party")
    )


def _read_terms(base: Terms, sent: Mapping[str, Any], switches: Switches) -> Terms:
    limit = integer_of(sent, "call_time_limit", 0)
    if limit and not MIN_SECONDS <= limit <= MAX_SECONDS:
        refuse = switches["call_limit"] == "reject"
        demand(not refuse, "call_time_limit is outside the allowed range")
        if switches["call_limit"] == "clamp":
            limit = min(max(limit, MIN_SECONDS), MAX_SECONDS)
    defaults = _defaults(switches)
    file_format = str(sent.get("record_file_format") or base.record_file_format)
    demand(file_format in ("mp3", "wav"), "record_file_format must be mp3 or wav")
    texts = {name: url_of(sent, name, getattr(base, name)) for name in _URLS}
    texts |= {name: method_of(sent, name, getattr(base, name)) for name in _METHODS}
    record = boolean_of(sent, "record") if "record" in sent else base.record
    changed: dict[str, Any] = {
        **texts,
        "record": record,
        "record_file_format": file_format,
    }
    if "call_time_limit" in sent:
        changed["call_time_limit"] = limit or defaults["call_time_limit"]
    if "ring_timeout" in sent:
        ring = integer_of(sent, "ring_timeout", 0)
        changed["ring_timeout"] = ring or defaults["ring_timeout"]
    once: dict[str, Any] = {
        "geomatch": boolean_of(sent, "geomatch", default=base.geomatch),
        "initiate_call_to_first_party": boolean_of(
            sent,
            "initiate_call_to_first_party",
            default=base.initiate_call_to_first_party,
        ),
        "subaccount": str(sent.get("subaccount") or base.subaccount),
        "virtual_number_cooloff_period": _ranged(
            sent, "virtual_number_cooloff_period", base, 0, 3600
        ),
    }
    return replace(base, **changed, **once)


def _read_pin_terms(base: Terms, sent: Mapping[str, Any]) -> Terms:
    if not boolean_of(sent, "is_pin_authentication_required"):
        return replace(base, pin_prompt_play="", incorrect_pin_play="")
    demand(base.pin_prompt_play, "pin_prompt_play is missing")
    generate = boolean_of(sent, "generate_pin")
    pins = {name: str(sent.get(name) or "") for name in _PINS}
    if not generate:
        for name, pin in pins.items():
            demand(pin, f"{name} is missing")
    for name, pin in pins.items():
        well_formed = not pin or _PIN.fullmatch(pin)
        demand(well_formed, f"{name} must have 4 to 15 digits")
    first, second = pins.values()
    demand(
        not first or first != second, "first_party_pin and second_party_pin must differ"
    )
    return replace(
        base,
        is_pin_authentication_required=True,
        generate_pin=generate,
        generate_pin_length=_ranged(sent, "generate_pin_length", base, 4, 15),
        pin_retry=_ranged(sent, "pin_retry", base, 0, 5),
        pin_retry_wait=_ranged(sent, "pin_retry_wait", base, 5, 10),
        force_pin_authentication=boolean_of(sent, "force_pin_authentication"),
        first_party_pin=first,
        second_party_pin=second,
    )


_PINS = ("first_party_pin", "second_party_pin")
_METHODS = ("callback_method", "recording_callback_method")
_URLS = (
    "callback_url",
    "recording_callback_url",
    "first_party_play_url",
    "second_party_play_url",
    "pin_prompt_play",
    "incorrect_pin_play",
    "unknown_caller_play",
)


def _sent(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k.lower(): v for k, v in body.items() if v is not None}


def _defaults(switches: Switches) -> dict[str, int]:
    return OBSERVED if switches["defaults"] == "observed" else DOCUMENTED


def demand(met: object, text: str) -> None:
    """Raise BadParameterError with *text* unless *met*."""
    if not met:
        raise BadParameterError(text)


def _demand_unchanged(session: Session, name: str, value: Any) -> None:
    if name in ("first_party", "second_party"):
        same = str(value).removeprefix("+") == getattr(session, name)
    else:
        same = str(value).lower() == str(getattr(session.terms, name)).lower()
    demand(same, f"{name} cannot be updated for an active session")


def number_of(sent: Mapping[str, Any], name: str) -> str:
    """Return a phone number's digits, "" where none was sent."""
    text = re.sub(r"[ ()-]", "", str(sent.get(name, "")))
    if not text:
        return ""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise BadParameterError(f"invalid {name}")
    return match.group(1)


def boolean_of(sent: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Return a flag: JSON's, or one of the words true and false."""
    value = sent.get(name, default)
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False, "": default}
    word = str(value).lower()
    demand(word in words, f"{name} must be true/false")
    return words[word]


def integer_of(sent: Mapping[str, Any], name: str, default: int) -> int:
    """Return a whole number of 0 or more."""
    value = sent.get(name, default)
    try:
        number = default if value == "" or isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        raise BadParameterError(f"{name} must be an integer") from None
    demand(0 <= number <= 10**9, f"{name} is outside the allowed range")
    return number


def _ranged(
    sent: Mapping[str, Any], name: str, base: Terms, low: int, high: int
) -> int:
    value = integer_of(sent, name, getattr(base, name))
    demand(low <= value <= high, f"{name} is outside the allowed range")
    return value


def _expiry(sent: Mapping[str, Any], switches: Switches) -> int | None:
    if "session_expiry" not in sent:
        return None
    seconds = integer_of(sent, "session_expiry", 0)
    if 0 < seconds < MIN_SECONDS and switches["min_expiry"] != "none":
        clamp = switches["min_expiry"] == "clamp"
        demand(clamp, "session_expiry is outside the allowed range")
        return MIN_SECONDS
    return seconds


def url_of(sent: Mapping[str, Any], name: str, default: str) -> str:
    """Return an http or https URL of less than 1,000 characters."""
    url = str(sent.get(name, default))
    well_formed = not url or re.fullmatch(r"(?i:https?)://[^\s/]\S*", url)
    demand(well_formed, f"{name} must be a valid URL")
    demand(len(url) < 1000, f"{name} must be under 1000 characters")
    return url


def method_of(sent: Mapping[str, Any], name: str, default: str) -> str:
    """Return GET or POST, however it was written."""
    method = str(sent.get(name) or default).upper()
    demand(method in ("GET", "POST"), f"{name} must be GET or POST")
    return method
