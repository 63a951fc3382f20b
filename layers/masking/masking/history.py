"""One callback as the fold sees it: when it happened, its place in a call, in words.

Plivo sends no id of a call, times to the second, and a SequenceNumber of unknown
scope. The order of callbacks is by EventTimestamp, SequenceNumber as an integer, the
event's place in a call, the hash: never by the time of arrival (plivo-contract 2.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property

EARLIEST = datetime.min.replace(tzinfo=UTC)

FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")


class Stage(IntEnum):
    """The parts of a call. An event of one never comes before one of an earlier."""

    PIN = 0
    CONNECTING = 1
    ENDING = 2
    OVER = 3


# What an event is: its place in a call, the stage that is, which party it names.
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
PARTIES_HANGUP = "SessionPartiesHangup"
NUMBER_REPLACED = "SessionVirtualNumberReplaced"
UNPLACED = 12


@dataclass(frozen=True)
class Happening:
    """A callback: its SHA-256 in hex and its attributes."""

    digest: str
    attributes: Mapping[str, str]

    @property
    def name(self) -> str:
        """Give Plivo's name of the event."""
        return self.attributes.get("EventName", "")

    @cached_property
    def at(self) -> datetime:
        """Give when it happened, in aware UTC; the earliest time if that is unknown."""
        return time_of(self.attributes.get("EventTimestamp", "")) or EARLIEST

    @cached_property
    def sequence(self) -> int | None:
        """Give the SequenceNumber, None if there is none that can be read."""
        return whole(self.attributes.get("SequenceNumber", ""))

    @property
    def place(self) -> int:
        """Give the event's place in a call."""
        return PLACES[self.name][0] if self.name in PLACES else UNPLACED

    @property
    def stage(self) -> Stage:
        """Give the part of a call that the event belongs to."""
        return PLACES[self.name][1]

    @property
    def leg(self) -> str:
        """Give the leg that the event's name tells of: `First`, `Second` or none."""
        return PLACES[self.name][2]

    @property
    def is_of_call(self) -> bool:
        """Say whether it belongs to a call and not to the session as a whole."""
        return self.name in PLACES

    @property
    def is_end_of_leg(self) -> bool:
        """Say whether it tells that a leg has ended."""
        return self.is_of_call and self.stage is Stage.ENDING and bool(self.leg)

    @property
    def is_answer(self) -> bool:
        """Say whether it tells that a party has answered."""
        return self.name.endswith("PartyAnswer")

    @cached_property
    def order(self) -> tuple[datetime, int, int, str]:
        """Give what callbacks are ordered by."""
        return self.at, self.sequence or 0, self.place, self.digest


def ordered(happenings: Iterable[Happening]) -> list[Happening]:
    """Order callbacks, each once."""
    once = {each.digest: each for each in happenings}
    return sorted(once.values(), key=lambda each: each.order)


def time_of(text: str) -> datetime | None:
    """Read a time as callbacks write it, UTC; RFC 3339 and Go's form are read too."""
    text = text.strip().removesuffix(" UTC").removesuffix(" +0000")
    text = text.removesuffix(" +0000")
    for form in FORMATS:
        try:
            return datetime.strptime(text[:26], form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def whole(text: str) -> int | None:
    """Read a whole number from outside, None where there is none."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        return None
    return int(text)
