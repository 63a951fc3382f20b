"""Plivo's vocabulary of callbacks: event names, attributes, and what each means.

Names and attributes are those of plivo-contract 2, in three generations. Names that are
not known are kept as they came.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from masking.core import callers, numbers
from masking.core.number_text import ANONYMOUS

# Attributes that hold people's numbers or what they typed; they never leave the table.
PERSONAL = frozenset({"From", "To", "FirstParty", "SecondParty", "Digits", "Pin"})

# Of them, those that name a person.
PEOPLE = ("From", "To", "FirstParty", "SecondParty")

# Attributes that are not known are as personal if their name says whom they name.
NAMES_SOMEBODY = re.compile(
    r"(?i)(from|to|caller|callee|caller_?id|number|phone|party|contact|identity)$"
    r"|caller|callee|.name$"
)

# What people typed; shown to nobody, not even in part.
SECRET = frozenset({"Digits", "Pin"})

# Addresses of audio and of resources: an audio file is public to whoever has its URL.
ADDRESSES = frozenset({"RecordingURL", "RecordingResourceURL"})

# Attributes that may be passed on as they are.
NOT_PERSONAL = frozenset(
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

# From Plivo's events to ours. None: of interest to the timeline alone.
TYPE_OF_EVENT: Mapping[str, str | None] = {
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

# The type that hands a finished recording to store_recording; no app gets it.
INTERNAL = frozenset({"recording.announced"})

# What rules of the template always want: what hands recordings on, and the news that
# one failed.
RULED = INTERNAL | {"recording.deleting", "recording.failed"}

# Who a number is in a session: all that is left of it once a person is erased.
UNKNOWN = "unknown"
ROLES = frozenset({"first", "second", UNKNOWN, ANONYMOUS})

PIN = "SessionPinAuthenticationStatus"


# What Plivo says where a PIN was right, and where none was asked of a caller it knows.
RIGHT = frozenset({"success", "succeeded", "successful"})
AUTHORIZED = frozenset({"authorizedcaller", "authorized"})

TYPE_OF_PIN = {
    "success": "pin.succeeded",
    "failed": "pin.failed",
    "authorized": "pin.not_asked",
    "unknown": "pin.unknown",
}


def pin_outcome(attributes: Mapping[str, str]) -> str:
    """Return what became of a PIN: `success`, `failed`, `authorized` or `unknown`.

    Whatever is said and is not known to be a success is a failure, so that a word
    that is new opens nothing; without a word nothing is known.
    """
    told = attributes.get("PinAuthenticationStatus", "")
    word = re.sub(r"[^a-z]", "", told.lower())
    if word in RIGHT:
        return "success"
    if word in AUTHORIZED:
        return "authorized"
    return "failed" if told.strip() else "unknown"


def type_of(attributes: Mapping[str, str]) -> str | None:
    """Return the type of the bus event that a callback is; None if it is none."""
    name = attributes.get("EventName", "")
    if name == PIN:
        return TYPE_OF_PIN[pin_outcome(attributes)]
    return TYPE_OF_EVENT.get(name, "carrier.unknown_event")


def without_personal_data(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes that may leave the table.

    In attributes that are not known digits are hidden, in their names as well.
    """
    return {
        str(numbers.masked(name)): value
        if name in NOT_PERSONAL
        else numbers.masked(value)
        for name, value in attributes.items()
        if name not in ADDRESSES and not is_personal(name)
    }


def is_personal(name: str) -> bool:
    """Return whether an attribute holds a person's number, name, or what they typed."""
    if name in NOT_PERSONAL | ADDRESSES:
        return False
    return name in PERSONAL or bool(NAMES_SOMEBODY.search(name))


def masked_for_tenant(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return all attributes as the tenant sees them: numbers masked, URLs hidden."""
    hidden = {
        str(numbers.masked(name)): "*" * len(value)
        if name in SECRET
        else callers.shown(value)
        for name, value in attributes.items()
        if is_personal(name)
    }
    addresses = dict.fromkeys(ADDRESSES & attributes.keys(), "hidden")
    return {**without_personal_data(attributes), **hidden, **addresses}


def role_of(number: str | None, parties: Mapping[str, str | None]) -> str | None:
    """Return who a caller is: `first`, `second`, `unknown`, or `anonymous` who hides.

    None if Plivo did not tell. A role, as in the callbacks of an erased session, is
    returned as it is; where parties are known, `unknown` is a word for hiding.
    """
    if number in ROLES and (number != UNKNOWN or not any(parties.values())):
        return number
    writing = callers.writing_of(number)
    if writing.kind is callers.Kind.NOT_TOLD:
        return None
    if writing.kind is callers.Kind.HIDDEN:
        return ANONYMOUS
    exact = [name for name, party in parties.items() if party == writing.number]
    if writing.number and exact:
        return exact[0]
    alike = (name for name, each in parties.items() if callers.is_same(writing, each))
    return next(alike, UNKNOWN)


def callee_role_of(number: str | None, parties: Mapping[str, str | None]) -> str | None:
    """Return who was called; None where no number says so, because nobody hides."""
    role = role_of(number, parties)
    return None if role == ANONYMOUS else role


class Stage(IntEnum):
    """The parts of a call. An event of one never comes before one of an earlier."""

    PIN = 0
    CONNECTING = 1
    ENDING = 2
    OVER = 3


# Each event's place in a call, its stage, and the party that its name names.
PLACES: Mapping[str, tuple[int, Stage, str]] = {
    "SessionFirstPartyInitiated": (0, Stage.CONNECTING, "First"),
    "SessionFirstPartyRinging": (1, Stage.CONNECTING, "First"),
    "SessionFirstPartyRing": (1, Stage.CONNECTING, "First"),
    "SessionVirtualNumberAnswer": (2, Stage.CONNECTING, ""),
    "SessionPinAuthenticationStatus": (3, Stage.PIN, ""),
    "SessionFirstPartyAnswer": (4, Stage.CONNECTING, "First"),
    "SessionSecondPartyInitiated": (5, Stage.CONNECTING, "Second"),
    "SessionSecondPartyRing": (6, Stage.CONNECTING, "Second"),
    "SessionSecondPartyRinging": (6, Stage.CONNECTING, "Second"),
    "SessionSecondPartyAnswer": (7, Stage.CONNECTING, "Second"),
    "SessionRecordingInitiated": (8, Stage.CONNECTING, ""),
    "SessionRecordingFailed": (8, Stage.CONNECTING, ""),
    "SessionFirstPartyHangup": (9, Stage.ENDING, "First"),
    "SessionFirstPartyComplete": (9, Stage.ENDING, "First"),
    "SessionFirstPartyFailed": (9, Stage.ENDING, "First"),
    "SessionSecondPartyHangup": (9, Stage.ENDING, "Second"),
    "SessionSecondPartyComplete": (9, Stage.ENDING, "Second"),
    "SessionSecondPartyFailed": (9, Stage.ENDING, "Second"),
    "SessionRecordingCompleted": (10, Stage.ENDING, ""),
    "SessionPartiesHangup": (11, Stage.OVER, ""),
}

PIN = "SessionPinAuthenticationStatus"
SECOND_PARTY = "SecondParty"
PARTIES_HANGUP = "SessionPartiesHangup"
NUMBER_REPLACED = "SessionVirtualNumberReplaced"
UNPLACED = 12


def uuid_in_url(url: object) -> str | None:
    """Return the UUID at the end of a resource's URL; None if there is none."""
    text = url.rstrip("/").rpartition("/")[2] if isinstance(url, str) else ""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
