"""Record calls with their legs, recordings and callbacks.

They hold the truth, whatever an answer said. Times are aware UTC, durations seconds,
numbers digits without `+`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .account import country_of
from .rules.accounting import Bill, bill_leg, total
from .rules.model import Cause, Leg
from .rules.steps import Outcome


@dataclass(slots=True)
class Heard:
    """What a leg hears from *at* to *until*: *what* it is, and *detail*.

    *what* is `ringing`, `music`, `speech`, `audio`, `whisper`, `beep`, `silence` or
    `talk`; *detail* is the text, the URL, or who is talked to.
    """

    at: datetime
    what: str
    detail: str = ""
    until: datetime | None = None


@dataclass(slots=True)
class LegRecord:
    """One leg of a call. *number* is the person's, never the virtual number.

    *caller_id* and *caller_name* are what the phone shows; *position* counts the legs
    that a Dial rings at once. *up* is set at its answer.
    """

    leg: Leg
    number: str
    started_at: datetime
    call_uuid: str
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: Cause | None = None
    ended_by: str = ""
    holds_phone: bool = False
    caller_id: str = ""
    caller_name: str = ""
    position: int = 0
    heard: list[Heard] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_up(self) -> bool:
        """Return whether the leg has not ended yet."""
        return self.ended_at is None

    @property
    def duration(self) -> int:
        """Return whole seconds between answer and end, 0 when never answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return round((self.ended_at - self.answered_at).total_seconds())

    @property
    def bill(self) -> Bill:
        """Return what the leg costs so far."""
        return bill_leg(self.duration, country_of(self.number))

    @property
    def status(self) -> str:
        """Return Plivo's word for the state of the leg."""
        if self.ended_at is None:
            return "ringing" if self.answered_at is None else "in-progress"
        if self.answered_at is not None:
            return "completed"
        code = self.cause.code if self.cause else 0
        words = {1000: "cancel", 3010: "busy", 3000: "no-answer", 6010: "timeout"}
        return words.get(code, "failed")


@dataclass(slots=True)
class Recording:
    """One recording. *troubles* are the faults that its file has."""

    recording_id: str
    account: str
    session_uuid: str
    call_uuid: str
    from_number: str
    to_number: str
    file_format: str
    started_at: datetime
    ended_at: datetime | None = None
    available_at: datetime | None = None
    milliseconds: int = 0
    troubles: dict[str, dict[str, float]] = field(default_factory=dict)
    channels: str = "mono"
    fetches: int = 0
    served_whole: int = 0
    deleted: bool = False


@dataclass(slots=True)
class Call:
    """One call, from the first ring to the last hang-up."""

    call_uuid: str
    account: str
    caller: str
    virtual_number: str
    started_at: datetime
    direction: str = "inbound"
    session_uuid: str = ""
    legs: dict[Leg, LegRecord] = field(default_factory=dict)
    dialed: list[LegRecord] = field(default_factory=list)
    parent_call_uuid: str = ""
    caller_name: str = ""
    hops: int = 0
    came_of: str = ""
    linked: int = 0
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    recording_id: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    sequence: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def every_leg(self) -> list[LegRecord]:
        """Return the two legs of a masked call, or the caller's and all dialed."""
        return [*self.legs.values(), *self.dialed]

    @property
    def bill(self) -> Bill:
        """Return the sum of the legs' bills."""
        return total(leg.bill for leg in self.every_leg)

    @property
    def duration(self) -> int:
        """Return the sum of the legs' durations, as captured interactions have it."""
        return sum(leg.duration for leg in self.every_leg)

    def note(self, at: datetime, what: str, **details: Any) -> None:
        """Add a line to the call's history."""
        self.history.append({"at": at.isoformat(), "what": what, **details})


@dataclass(slots=True)
class Attempt:
    """One try to deliver a callback: *status* is None when nothing was answered."""

    at: datetime
    status: int | None
    error: str
    seconds: float


@dataclass(slots=True)
class Callback:
    """One callback to an application."""

    callback_id: str
    channel: str
    event: str
    session_uuid: str
    call_uuid: str
    method: str
    url: str
    attributes: dict[str, str | int]
    created_at: datetime
    account: str
    state: str = "pending"
    fault: str = ""
    copy_of: str = ""
    message_uuid: str = ""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        """Return the status that the last attempt received, if any."""
        return self.attempts[-1].status if self.attempts else None
