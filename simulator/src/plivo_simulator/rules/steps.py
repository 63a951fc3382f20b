"""Define the steps of a call, how each may end, and the moments to report."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from .model import Cause, Leg
from .routing import Connect


class Moment(StrEnum):
    """A reportable moment of a call; `vocabulary` maps it to event names."""

    FIRST_INITIATED = "first_initiated"
    FIRST_RINGING = "first_ringing"
    NUMBER_ANSWERED = "number_answered"
    FIRST_ANSWERED = "first_answered"
    PIN_CHECKED = "pin_checked"
    SECOND_INITIATED = "second_initiated"
    SECOND_RINGING = "second_ringing"
    SECOND_ANSWERED = "second_answered"
    FIRST_ENDED = "first_ended"
    SECOND_ENDED = "second_ended"
    CALL_ENDED = "call_ended"
    RECORDING_STARTED = "recording_started"
    RECORDING_COMPLETED = "recording_completed"
    RECORDING_FAILED = "recording_failed"


class Outcome(StrEnum):
    """How a call went, in one word."""

    CONNECTED = "connected"
    TIME_LIMIT = "time_limit"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PIN_FAILED = "pin_failed"
    NO_COUNTERPART = "no_counterpart"
    UNKNOWN_CALLER_PLAYED = "unknown_caller_played"
    REFUSED = "refused"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class Answer:
    """The virtual number picks up for the caller."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play audio to *leg* until it ends or is hung up on; *keys*: or until digits."""

    leg: Leg
    url: str
    keys: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """Wait for the caller's digits. None means that nothing was entered in time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring *number*, showing *caller_id*, for at most *seconds*."""

    leg: Leg
    number: str
    caller_id: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Talk:
    """Bridge both legs for at most *seconds*."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Record:
    """Start recording; answered with whether it started."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End *leg*, unless it has gone, for *cause*."""

    leg: Leg
    cause: Cause


@dataclass(frozen=True, slots=True)
class Report:
    """Report *moment* to the session's owner; PIN fields come with PIN_CHECKED."""

    moment: Moment
    route: Connect
    pin_status: str = ""
    pin_retries: int = 0


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller entered *digits*."""

    digits: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The phone that was rung did not answer, for *cause*."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Gone:
    """*leg* hung up."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Cut:
    """Neither party hung up: the call was ended for *cause*."""

    cause: Cause


Step = Answer | Play | Gather | Pause | Ring | Talk | Record | HangUp | Report
Reply = None | bool | Pressed | Unanswered | Gone | Cut
Flow = Generator[Step, Reply, Outcome]
