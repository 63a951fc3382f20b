"""What Plivo tells us in callbacks: names, attributes, and which mean what.

Names and attributes are those of plivo-contract 2, in three generations. What is not
known is kept as it came. Repeated attributes keep every value, joined by a line feed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from masking import numbers
from masking.errors import MalformedBodyError

Pairs = Sequence[tuple[str, str]]

MOST_ATTRIBUTES = 100
LONGEST_NAME = 255

# Attributes that hold people's numbers or what they typed; they never leave the table.
PERSONAL = frozenset({"From", "To", "FirstParty", "SecondParty", "Digits", "Pin"})

# What people typed; shown to nobody, not even in part.
SECRET = frozenset({"Digits", "Pin"})

# Addresses of audio and of resources: an audio file is public to whoever has its URL.
ADDRESSES = frozenset({"RecordingURL", "RecordingResourceURL"})

# Attributes that may be passed on as they are.
PLAIN = frozenset(
    {
        "EventName",
        "EventTimestamp",
        "SessionUUID",
        "VirtualNumber",
        "PinAuthenticationStatus",
        "PinRetryCounter",
        "Amount",
        "BilledDuration",
        "Duration",
        "PlivoHangupCause",
        "PlivoHangupCauseCode",
        "SequenceNumber",
        "RecordingUUID",
        "RecordingDuration",
        "RecordingStartTime",
        "RecordingEndTime",
        "RecordingFormat",
    }
)

# From Plivo's events to ours. None: nothing of interest to anybody but the history.
OURS: Mapping[str, str | None] = {
    "SessionFirstPartyInitiated": None,
    "SessionFirstPartyRing": "call.ringing",
    "SessionFirstPartyRinging": "call.ringing",
    "SessionFirstPartyAnswer": "call.started",
    "SessionVirtualNumberAnswer": None,
    "SessionSecondPartyInitiated": None,
    "SessionSecondPartyRing": "call.ringing",
    "SessionSecondPartyRinging": "call.ringing",
    "SessionSecondPartyAnswer": "call.answered",
    "SessionFirstPartyHangup": None,
    "SessionSecondPartyHangup": None,
    "SessionFirstPartyComplete": None,
    "SessionSecondPartyComplete": None,
    "SessionFirstPartyFailed": None,
    "SessionSecondPartyFailed": None,
    "SessionPartiesHangup": "call.ended",
    "SessionTimeout": None,
    "SessionVirtualNumberReplaced": "number.replaced",
    "SessionRecordingInitiated": None,
    "SessionRecordingCompleted": "recording.announced",
    "SessionRecordingFailed": "recording.failed",
}

# The type by which a finished recording is handed to store_recording, to no app.
INTERNAL = frozenset({"recording.announced"})

# What rules of the template want, whoever else does: what hands recordings on, and what
# tells somebody that one failed.
RULED = INTERNAL | {"recording.deleting", "recording.failed"}

# Who a number is in a session; all that is left of it once a person is forgotten.
ROLES = frozenset({"first", "second", "unknown"})

PIN_EVENT = "SessionPinAuthenticationStatus"


def pairs_of(content_type: str, body: bytes, query: str) -> Pairs:
    """Give the decoded attributes of a callback: of its body, or of its query.

    Raises MalformedBodyError for what is neither a form nor a flat JSON object.
    """
    if not body:
        return _form(query)
    if is_json(content_type):
        return _json(body)
    try:
        return _form(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedBodyError from None


def is_json(content_type: str) -> bool:
    """Say whether a body of this type is JSON; everything else is read as a form."""
    return content_type.split(";")[0].strip().lower() == "application/json"


def attributes_of(pairs: Pairs) -> dict[str, str]:
    """Give attributes by name. Raises MalformedBodyError if that is no callback."""
    attributes: dict[str, str] = {}
    if not all(0 < len(name) <= LONGEST_NAME for name, _ in pairs):
        detail = "An attribute of a callback must have a name."
        raise MalformedBodyError(detail)
    for name, value in sorted(pairs):
        known = attributes.get(name)
        attributes[name] = value if known is None else f"{known}\n{value}"
    if not attributes.get("EventName"):
        detail = "A callback must have an EventName."
        raise MalformedBodyError(detail)
    return attributes


def digest_of(pairs: Pairs) -> str:
    """Give the SHA-256 of all attributes, decoded and sorted: equal callbacks' name."""
    canonical = json.dumps(sorted(pairs), separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def type_of(attributes: Mapping[str, str]) -> str | None:
    """Say which event of ours a callback is; None if it is none."""
    name = attributes.get("EventName", "")
    if name == PIN_EVENT:
        failed = attributes.get("PinAuthenticationStatus", "").lower() == "failed"
        return "pin.failed" if failed else "pin.succeeded"
    return OURS.get(name, "carrier.unknown_event")


def impersonal(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Give the attributes that may leave the table.

    Digits of those that are not known are hidden, in their names as well.
    """
    return {
        str(numbers.masked(name)): value if name in PLAIN else numbers.masked(value)
        for name, value in attributes.items()
        if name not in PERSONAL | ADDRESSES
    }


def shown(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Give all attributes for the tenant's eyes: numbers masked, addresses hidden."""
    hidden = {
        name: "*" * len(value) if name in SECRET else numbers.masked(value)
        for name, value in attributes.items()
        if name in PERSONAL
    }
    addresses = dict.fromkeys(ADDRESSES & attributes.keys(), "hidden")
    return {**impersonal(attributes), **hidden, **addresses}


def role_of(number: str | None, parties: Mapping[str, str | None]) -> str | None:
    """Say which party a number of a callback is: `first`, `second` or `unknown`.

    What is a role already, in the callback of an erased session, stays one.
    """
    if number in ROLES:
        return number
    known = numbers.normal_or_none(number)
    if known is None:
        return None
    for name, party in parties.items():
        if party == known:
            return name
    return "unknown"


def _form(text: str) -> Pairs:
    try:
        return parse_qsl(
            text,
            keep_blank_values=True,
            max_num_fields=MOST_ATTRIBUTES,
            errors="strict",
        )
    except ValueError:
        raise MalformedBodyError from None


def _json(body: bytes) -> Pairs:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedBodyError from None
    if not isinstance(value, dict) or len(value) > MOST_ATTRIBUTES:
        raise MalformedBodyError
    pairs = list(_flat(value.items()))
    try:
        # A lone surrogate is JSON, but no text.
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
