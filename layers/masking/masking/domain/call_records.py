"""Read Plivo's record of one call: an interaction with the records of its legs.

Which leg is the caller's is not documented where the second party calls: legs may be
named after who called or after who is registered (plivo-contract 2.1, 3.1). So the leg
that was up decides, and of two the one that was up first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from masking.core.amounts import money, seconds, whole_number
from masking.core.times import parse_callback_time
from masking.domain import hangup_causes
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.carrier_answers import LEG_OUTCOMES
from masking.domain.plivo_events import PIN, Stage, pin_outcome

Record = Mapping[str, Any]

# Plivo's words for the end of a leg that was answered, and of one that was not.
ANSWERED = frozenset({"completed", "answered", "in-progress"})
UNANSWERED: Mapping[str, str] = {
    word: outcome
    for word, outcome in LEG_OUTCOMES.items()
    if outcome not in ("answered", "in_progress")
}

# After a wrong PIN somebody is called only if another try is right, and after a right
# one nobody only if the caller gave up (seconds).
UNLIKELY = 2.5

# Events up to this place in `PLACES` come at the beginning of a call.
LAST_START = 4

# What says no more than that a leg was not answered.
GENERAL = "failed"


@dataclass(frozen=True)
class Leg:
    """One leg: its record, Plivo's word for its end, and whether there is one."""

    record: Record
    status: str
    exists: bool

    @cached_property
    def answered(self) -> datetime | None:
        """Return when it was answered, in aware UTC."""
        return _time(self.record.get("answer_time"))

    @property
    def ended(self) -> datetime | None:
        """Return when it ended, in aware UTC."""
        return _time(self.record.get("end_time"))

    @property
    def duration(self) -> int | None:
        """Return for how many seconds it was up."""
        return seconds(self.record.get("duration"))

    @cached_property
    def is_up(self) -> bool:
        """Return whether it was answered: by a time, or by what it cost."""
        paid = (money(self.record.get(name)) for name in ("billed_duration", "amount"))
        return bool(self.answered or self.duration or any(paid))

    @property
    def code(self) -> int | None:
        """Return Plivo's code of why it ended."""
        return whole_number(self.record.get("hangup_cause_code"))


@dataclass(frozen=True)
class CallRecord:
    """What Plivo has of one call. Times are aware UTC."""

    record: Record

    @cached_property
    def legs(self) -> tuple[Leg, Leg]:
        """Return the caller's leg and that of who was called."""
        first, second = (self._leg(name) for name in ("first_party", "second_party"))
        if second.is_up and not first.is_up and first.exists:
            return second, first
        if first.answered and second.answered and second.answered < first.answered:
            return second, first
        return first, second

    def _leg(self, party: str) -> Leg:
        found: Record = self.record.get(f"{party}_leg") or {}
        status = str(self.record.get(f"{party}_status") or "").lower()
        url = self.record.get(f"{party}_resource_url")
        return Leg(found, status, bool(found or status or url))

    @cached_property
    def began(self) -> datetime | None:
        """Return when it began."""
        return _time(self.record.get("start_time"))

    @cached_property
    def ended(self) -> datetime | None:
        """Return when it ended: as told, else when its last leg did."""
        told = _time(self.record.get("end_time"))
        return told or max((e for leg in self.legs if (e := leg.ended)), default=None)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Return when it began and ended, each as near as is known."""
        began = self.began or EARLIEST
        return began, self.ended or began

    def contradictions(self, call: Call) -> int:
        """Count in what a call of callbacks differs from this: cost, talk, the PIN."""
        talked = call.outcome in ("connected", "talking")
        pin = call.pin.outcome if call.pin else None
        admitted = pin in ("success", "authorized")
        return (
            (call.billed_seconds is not None and call.billed_seconds != self.billed)
            + (talked != bool(self.is_connected))
            + (pin == "failed" if self.is_dialed else admitted)
        )

    def misses(self, event: CallbackEvent) -> float:
        """Return by how many seconds a callback misses what it would tell of.

        That is the beginning of the call, the answer of who was called, or the end.
        """
        began, ended = self.span
        if event.stage >= Stage.ENDING:
            near = [ended]
        elif event.name == PIN:
            near = [min(max(event.at, began), ended)]
        elif event.place <= LAST_START:
            near = [began]
        else:
            near = [self.answered or ended, min(max(event.at, began), ended)]
        missed = min(abs((event.at - at).total_seconds()) for at in near)
        if event.name != PIN:
            return missed + UNLIKELY if self._lacks(event.leg) else missed
        failed = pin_outcome(event.attributes) == "failed"
        return missed + UNLIKELY if failed == self.is_dialed else missed

    def _lacks(self, leg: str) -> bool:
        """Return whether nobody was called, and a leg of this name is not there."""
        if self.is_dialed or not leg:
            return False
        return not self._leg(f"{leg.lower()}_party").exists

    def is_explained_by(self, event: CallbackEvent) -> bool:
        """Return whether a callback says why nobody was called: a wrong PIN."""
        wrong = event.name == PIN and pin_outcome(event.attributes) == "failed"
        return wrong and not self.is_dialed

    @property
    def is_dialed(self) -> bool:
        """Return whether anybody was called."""
        return self.legs[1].exists

    @cached_property
    def is_connected(self) -> bool | None:
        """Return whether both legs were answered; None if the record does not say."""
        if all(leg.is_up for leg in self.legs):
            return True
        if self.record.get("recording_resource_url"):
            return True
        if any(leg.status in UNANSWERED for leg in self.legs):
            return False
        if all(leg.status in ANSWERED for leg in self.legs):
            return True
        return False if not self.is_dialed or self.legs[1].record else None

    @property
    def answered(self) -> datetime | None:
        """Return when the last leg was answered; None unless both were."""
        times = [leg.answered for leg in self.legs]
        known = [at for at in times if at]
        return max(known) if len(known) == len(times) else None

    @property
    def cause(self) -> Leg:
        """Return the leg that explains why it ended."""
        caller, callee = self.legs
        for leg in (callee, caller):
            if not hangup_causes.is_by_person(leg.code):
                return leg
        return caller if callee.code is None else callee

    @property
    def unanswered_as(self) -> str | None:
        """Return the outcome of a call without talk; None if it can't be told.

        A cause that Plivo has a code for says more than its word for the leg's end.
        """
        caller, callee = self.legs
        code = self.cause.code
        by_code = None
        if not hangup_causes.is_by_person(code):
            by_code = hangup_causes.outcome_of(code)
        words = (UNANSWERED.get(leg.status) for leg in (callee, caller))
        told = [each for each in (by_code, *words) if each]
        exact = (each for each in told if each not in (GENERAL, "unknown"))
        if found := next(exact, None) or next(iter(told), None):
            return found
        return "cancelled" if self.is_dialed or code == hangup_causes.GAVE_UP else None

    @property
    def billed(self) -> int:
        """Return the seconds that are billed."""
        return whole_number(self.record.get("call_billed_duration")) or 0


def _time(value: object) -> datetime | None:
    return parse_callback_time(value) if isinstance(value, str) else None
