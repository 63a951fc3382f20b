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
from functools import cached_property

from masking.core.amounts import whole_number
from masking.core.times import parse_callback_time, stamp
from masking.domain.plivo_events import PLACES, UNPLACED, Stage

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CallbackEvent:
    """A callback: its SHA-256 in hex, its attributes and when it was received.

    *received_at* is as `times.stamp` writes it, empty where nobody asks for it.
    """

    digest: str
    attributes: Mapping[str, str]
    received_at: str = ""

    @property
    def name(self) -> str:
        """Return Plivo's name of the event."""
        return self.attributes.get("EventName", "")

    @cached_property
    def at(self) -> datetime:
        """Return when it happened, in aware UTC; the earliest time if unknown."""
        return (
            parse_callback_time(self.attributes.get("EventTimestamp", "")) or EARLIEST
        )

    @cached_property
    def sequence(self) -> int | None:
        """Return the SequenceNumber, None if there is none that can be read."""
        return whole_number(self.attributes.get("SequenceNumber", ""))

    @property
    def place(self) -> int:
        """Return the event's place in a call."""
        return PLACES[self.name][0] if self.name in PLACES else UNPLACED

    @property
    def stage(self) -> Stage:
        """Return the part of a call that the event belongs to."""
        return PLACES[self.name][1]

    @property
    def leg(self) -> str:
        """Return the leg that the event's name names: `First`, `Second` or none."""
        return PLACES[self.name][2]

    @property
    def is_of_call(self) -> bool:
        """Return whether it belongs to a call and not to the session as a whole."""
        return self.name in PLACES

    @property
    def is_end_of_leg(self) -> bool:
        """Return whether it reports that a leg has ended."""
        return self.is_of_call and self.stage is Stage.ENDING and bool(self.leg)

    @property
    def is_answer(self) -> bool:
        """Return whether it reports that a party has answered."""
        return self.name.endswith("PartyAnswer")

    @property
    def occurred_at(self) -> str:
        """Return when Plivo says it happened; when it was received, if that is lost."""
        return stamp(self.at) if self.at > EARLIEST else self.received_at

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
