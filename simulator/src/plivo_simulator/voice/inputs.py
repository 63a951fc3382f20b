"""Define what can happen to a leg, and how its end is passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..answer_urls import ApplicationReply, Ask
from ..rules.model import Cause

if TYPE_CHECKING:
    from .line import Line


@dataclass(frozen=True, slots=True)
class Key:
    """The person presses one key."""

    key: str


@dataclass(frozen=True, slots=True)
class Said:
    """The person says something."""

    words: str


@dataclass(frozen=True, slots=True)
class PickedUp:
    """The person answers the phone."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The phone, or its network, does not take the call."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Left:
    """The person hangs up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Somebody else ends the leg: *source* in Plivo's words."""

    cause: Cause
    source: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The leg is transferred to another document; *alone*: without the other leg."""

    ask: Ask
    alone: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """The document that *ask* wanted came, or didn't."""

    ask: Ask
    reply: ApplicationReply


@dataclass(frozen=True, slots=True)
class Connected:
    """A dialed leg takes the call."""

    line: Line


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dialed leg is over, or has left for another document."""

    line: Line


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The time that a dial may last is over."""


Input = (
    Key
    | Said
    | PickedUp
    | Refused
    | Left
    | Ended
    | Moved
    | Fetched
    | Connected
    | Dropped
    | LimitReached
)


class LegOverError(Exception):
    """The leg has ended: what it was about to do does not happen."""


class TransferredError(Exception):
    """The leg goes on with another document."""

    def __init__(self, moved: Moved) -> None:
        super().__init__(moved.ask.url)
        self.moved = moved
