"""One callback of Plivo's: when it happened and its place in a call.

Plivo sends no id of a call, times to the second, and a SequenceNumber of unknown
scope. The order of callbacks is by EventTimestamp, SequenceNumber as an integer, the
event's place in a call, the hash: never by the time of arrival (plivo-contract 2.1).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

from masking.core.amounts import money, seconds, whole_number
from masking.core.times import (
    is_plain_time,
    parse_callback_time,
    parse_stamp,
    stamp,
)
from masking.domain.plivo_events import PLACES, UNPLACED, Stage

# Before all callbacks, and far enough from the edge of the calendar to count back.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)

# When what happened at a time that nobody knows is said to have happened.
UNTIMED = "1970-01-01T00:00:00.000000Z"

# Seconds; what lasts longer is a mistake of its sender: no call does.
LONGEST = 7 * 86_400


@dataclass(frozen=True)
class CallbackEvent:
    """A callback: its SHA-256 in hex, its attributes and when it was received.

    *received_at* is as `times.stamp` writes it, empty where nobody asks for it.
    """

    digest: str
    attributes: Mapping[str, str]
    received_at: str = ""

    @cached_property
    def name(self) -> str:
        """Return Plivo's name of the event."""
        return self.attributes.get("EventName", "")

    @cached_property
    def told_at(self) -> datetime | None:
        """Return when Plivo says it happened, in aware UTC; None if that is lost."""
        return parse_callback_time(self.attributes.get("EventTimestamp", ""))

    @cached_property
    def at(self) -> datetime:
        """Return when it happened; when it was received, if Plivo does not say.

        In aware UTC; the earliest time if neither is known.
        """
        if self.told_at:
            return self.told_at
        return parse_stamp(self.received_at) if self.received_at else EARLIEST

    @property
    def is_timed_plainly(self) -> bool:
        """Return whether its time is written as Plivo's API writes times."""
        text = self.attributes.get("EventTimestamp", "")
        return self.told_at is not None and is_plain_time(text)

    @cached_property
    def slot(self) -> tuple[int, str]:
        """Return what it reports: a call has each such fact once, but for PINs."""
        return self.place, self.leg

    @cached_property
    def duration(self) -> int | None:
        """Return for how many seconds a leg or a call was up, if it is known."""
        told = seconds(self.attributes.get("Duration"))
        return told if told is not None and told <= LONGEST else None

    @cached_property
    def billed(self) -> int | None:
        """Return how many seconds are billed, if it is known."""
        return seconds(self.attributes.get("BilledDuration"))

    @cached_property
    def amount(self) -> Decimal | None:
        """Return what is charged in US dollars, if it is known."""
        return money(self.attributes.get("Amount"))

    @property
    def caller(self) -> str:
        """Return the number that called, as it came; empty if it is not told."""
        return self.attributes.get("From", "")

    @property
    def recording(self) -> str:
        """Return the name of the recording that it is about; empty without one."""
        return self.attributes.get("RecordingUUID", "")

    @property
    def has_cost(self) -> bool:
        """Return whether it tells of seconds or money, be it none."""
        return (self.duration, self.billed, self.amount) != (None, None, None)

    @property
    def is_paid(self) -> bool:
        """Return whether it tells of seconds or money that are not zero."""
        return any((self.duration, self.billed, self.amount))

    @property
    def has_odd_cost(self) -> bool:
        """Return whether it tells of seconds or money in part, or can't be read.

        Money without seconds is odd as well, and so is a leg that was up for nothing.
        """
        if self.amount and self.billed == 0:
            return True
        if (
            self.leg
            and 0 in (self.duration, self.billed)
            and (self.duration or self.billed)
        ):
            return True
        names = ("Duration", "BilledDuration", "Amount")
        told = [self.attributes[name] for name in names if name in self.attributes]
        return any(told) and any(money(text) is None for text in told)

    @cached_property
    def code(self) -> int | None:
        """Return Plivo's code of why a leg or a call ended."""
        return whole_number(self.attributes.get("PlivoHangupCauseCode", ""))

    @cached_property
    def sequence(self) -> int | None:
        """Return the SequenceNumber, None if there is none that can be read."""
        return whole_number(self.attributes.get("SequenceNumber", ""))

    @cached_property
    def place(self) -> int:
        """Return the event's place in a call."""
        return PLACES[self.name][0] if self.name in PLACES else UNPLACED

    @cached_property
    def stage(self) -> Stage:
        """Return the part of a call that the event belongs to."""
        return PLACES[self.name][1]

    @cached_property
    def leg(self) -> str:
        """Return the leg that the event's name names: `First`, `Second` or none."""
        return PLACES[self.name][2]

    @property
    def is_of_call(self) -> bool:
        """Return whether it belongs to a call and not to the session as a whole."""
        return self.name in PLACES

    @cached_property
    def is_end_of_leg(self) -> bool:
        """Return whether it reports that a leg has ended."""
        return self.is_of_call and self.stage is Stage.ENDING and bool(self.leg)

    @property
    def is_answer(self) -> bool:
        """Return whether it reports that a party has answered."""
        return self.name.endswith("PartyAnswer")

    @property
    def occurred_at(self) -> str:
        """Return when Plivo says it happened; when it was received, if that is lost.

        The beginning of 1970 if neither can be read.
        """
        return stamp(self.at) if self.at > EARLIEST else self.received_at or UNTIMED

    @property
    def carrier_session_uuid(self) -> str | None:
        """Return the UUID of Plivo's session that it is about; None without one."""
        try:
            return str(uuid.UUID(self.attributes.get("SessionUUID", "")))
        except ValueError:
            return None

    @cached_property
    def order(self) -> tuple[datetime, int, int, str]:
        """Return the key that callbacks are sorted by."""
        return self.at, self.sequence or 0, self.place, self.digest


def ordered(events: Iterable[CallbackEvent]) -> list[CallbackEvent]:
    """Order callbacks, each once."""
    once = {each.digest: each for each in events}
    return sorted(once.values(), key=lambda each: each.order)
