"""Name what a request to the masking API sends in vain.

Plivo refuses no unknown name, and drops some that it knows: whoever misspells an
attribute is answered as if all were well. The ledger lists such names, so that a test
sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from .parameters import FROZEN, UPDATABLE
from .rules.model import Session, Terms
from .switches import Switches

_PARTIES = ("first_party", "second_party")

# Plivo's SDKs repeat it in the body; the path decides.
_OWN = "session_uuid"

_CREATE = {*_PARTIES, "session_expiry", *(field.name for field in fields(Terms))}
_OF_PIN = {
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
_TIMES = {
    f"{name}{suffix}"
    for name in ("created_time", "expiry_time", "duration")
    for suffix in ("", "__lt", "__lte", "__gt", "__gte")
}
_LIST = {*_PARTIES, *_TIMES, "virtual_number", "status", "subaccount"}
_LIST |= {"limit", "offset"}

Sent = Mapping[str, Any]
Ignored = Callable[[Sent, Session | None, Switches], Iterable[str]]


def ignored_names(
    operation: str, sent: Sent, session: Session | None, switches: Switches
) -> list[str]:
    """Return the names in *sent* that change nothing, sorted, as they were sent.

    *session* is the one that the request is about, None where there is none.
    """
    return sorted(_RULES[operation](sent, session, switches))


def _of_create(sent: Sent, _: Session | None, __: Switches) -> Iterable[str]:
    values = {name.lower(): value for name, value in sent.items()}
    pin = str(values.get("is_pin_authentication_required")).lower() == "true"
    generate = str(values.get("generate_pin")).lower() == "true"
    for name in sent:
        plain = name.lower()
        needs_pin = plain in _OF_PIN and not pin
        needs_generate = plain == "generate_pin_length" and not generate
        if plain not in _CREATE or needs_pin or needs_generate:
            yield name


def _of_update(
    sent: Sent, session: Session | None, switches: Switches
) -> Iterable[str]:
    single = session is not None and session.terms.create_session_with_single_party
    known = {*UPDATABLE, "session_expiry", _OWN, *(_PARTIES if single else ())}
    if switches["frozen_update"] == "reject":
        # A frozen attribute is compared, and refused if it differs.
        known |= set(FROZEN)
    return (name for name in sent if name.lower() not in known)


def _of_list(sent: Sent, _: Session | None, __: Switches) -> Iterable[str]:
    return set(sent) - _LIST


def _of_one(sent: Sent, _: Session | None, __: Switches) -> Iterable[str]:
    return set(sent) - {_OWN}


_RULES: Mapping[str, Ignored] = {
    "create": _of_create,
    "update": _of_update,
    "list": _of_list,
    "get": _of_one,
    "delete": _of_one,
}
