"""Judge what the callbacks of one call prove: whether people talked, what it cost.

The strongest evidence decides: an answer of the party that was called; what its leg's
end says; a recording; what the end of the whole call says. A caller's own leg proves
nothing, because Plivo answers it before it rings the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from masking.domain import hangup_causes
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.plivo_events import PARTIES_HANGUP, PIN, pin_outcome

RECORDED = ("SessionRecordingInitiated", "SessionRecordingCompleted")

# By so many seconds a duration and the times beside it may disagree.
SLACK = 2


@dataclass(frozen=True)
class Evidence:
    """The facts of one call, in order, each once.

    *is_whole* says that no callback of it is missing; *by_second* that the party who
    calls may be the second one, whose leg is then named after it or is the first.
    """

    facts: Sequence[CallbackEvent]
    is_whole: bool = False
    by_second: bool = False

    @cached_property
    def caller_leg(self) -> str:
        """Return which leg is the caller's: `First` or `Second`.

        Plivo documents neither reading. Who answers first is the caller, unless it is
        the second party and has been rung, or nobody but the first can have called.
        """
        if not self.by_second:
            return "First"
        rung = any(
            each.name.startswith("SessionSecondPartyRing") for each in self.facts
        )
        leg = next((each.leg for each in self.facts if each.is_answer), "First")
        return "First" if rung else leg

    @cached_property
    def ends(self) -> list[CallbackEvent]:
        """Return the ends of its legs."""
        return [each for each in self.facts if each.is_end_of_leg]

    @cached_property
    def last(self) -> CallbackEvent | None:
        """Return the end of the whole call."""
        return next((e for e in self.facts if e.name == PARTIES_HANGUP), None)

    @cached_property
    def callee_end(self) -> CallbackEvent | None:
        """Return the end of the leg of the party that was called."""
        return next((e for e in self.ends if e.leg != self.caller_leg), None)

    @cached_property
    def caller_end(self) -> CallbackEvent | None:
        """Return the end of the caller's leg."""
        return next((e for e in self.ends if e.leg == self.caller_leg), None)

    @cached_property
    def answer(self) -> CallbackEvent | None:
        """Return the answer of the party that was called."""
        return next(
            (e for e in self.facts if e.is_answer and e.leg != self.caller_leg), None
        )

    @cached_property
    def talked(self) -> bool | None:
        """Return whether people were connected; None if it can't be told."""
        if self.answer or any(each.name in RECORDED for each in self.facts):
            return True
        callee, last = self.callee_end, self.last
        if callee:
            if callee.is_paid:
                return True
            if callee.has_cost or not hangup_causes.is_by_person(callee.code):
                return False
            if callee.name.endswith("Failed"):
                return False
        if last and last.is_paid:
            return self._by_whole(last)
        paid = self.caller_end is not None and self.caller_end.is_paid
        return False if self.is_whole and not paid else None

    def _by_whole(self, last: CallbackEvent) -> bool | None:
        """Judge by the end of the whole call, which has cost something."""
        if not hangup_causes.is_by_person(last.code):
            # A time limit ends calls that were talked.
            return last.code == hangup_causes.TIME_LIMIT or None
        if last.duration == 0 or self._is_turned_away:
            return False if self.is_whole else None
        caller = self.caller_end
        paid = (last.billed, last.amount)
        if caller and caller.has_cost and (caller.billed, caller.amount) == paid:
            # All that was paid for is the caller's own leg.
            return False if self.is_whole else None
        return True

    @property
    def _is_turned_away(self) -> bool:
        """Return whether a PIN was wrong, and nothing tells of another leg."""
        pins = [pin_outcome(e.attributes) for e in self.facts if e.name == PIN]
        other = any(e.leg not in ("", self.caller_leg) for e in self.facts)
        return bool(pins) and pins[-1] == "failed" and not other

    @cached_property
    def code(self) -> int | None:
        """Return the code that explains why the call ended."""
        return self.cause.code if self.cause else None

    @cached_property
    def cause(self) -> CallbackEvent | None:
        """Return the callback that explains why the call ended."""
        told = [each for each in (self.callee_end, self.last, self.caller_end) if each]
        if self.answer is None:
            for each in told:
                if not hangup_causes.is_by_person(each.code):
                    return each
        abnormal = [e for e in told if not hangup_causes.is_by_person(e.code)]
        known = [e for e in told if e.code is not None]
        return next(iter(abnormal or known or told), None)

    # Times

    @property
    def ended_at(self) -> datetime | None:
        """Return when it ended, by the end of the call or of its legs."""
        ended = self.last or (self.ends[-1] if self.ends else None)
        if ended is None:
            ended = next(
                (e for e in self.facts if e.name == "SessionRecordingCompleted"), None
            )
        return known(ended.at) if ended else None

    @property
    def answered_at(self) -> datetime | None:
        """Return since when people talked: as told, else by the duration of it."""
        told = known(self.answer.at) if self.answer else None
        duration, ended = self.duration, self.talked_until
        if not self.talked or duration is None or ended is None:
            return told
        if told and abs((ended - told).total_seconds() - duration) <= SLACK:
            return told
        return ended - timedelta(seconds=duration)

    @property
    def duration(self) -> int | None:
        """Return the seconds of talk that Plivo tells, None if it tells none."""
        if self.callee_end and self.callee_end.duration:
            return self.callee_end.duration
        last = self.last.duration if self.last else None
        caller = self.caller_end.duration if self.caller_end else None
        # The caller's leg is up for longer than people talk.
        if not last or last == caller or self._is_of_caller(last):
            return None
        return last

    def _is_of_caller(self, duration: int) -> bool:
        """Return whether a duration counts from the caller's own answer."""
        own = next(
            (e for e in self.facts if e.is_answer and e.leg == self.caller_leg), None
        )
        if own is None or self.ended_at is None:
            return False
        return (self.ended_at - own.at).total_seconds() - duration <= 1

    @property
    def talked_until(self) -> datetime | None:
        """Return when the first leg ended."""
        return known(self.ends[0].at) if self.ends else self.ended_at

    @property
    def talk_seconds(self) -> int | None:
        """Return for how long people talked; None if it can't be told."""
        if not self.talked:
            return 0 if self.talked is False else None
        since, until = self.answered_at, self.talked_until
        if since and until and until >= since:
            return int((until - since).total_seconds())
        return self.duration

    # Cost

    @property
    def billed(self) -> int | None:
        """Return the seconds that are billed: of the call, or of its legs together."""
        whole = self.last.billed if self.last else None
        legs = [e.billed for e in self.ends if e.billed is not None]
        return _larger(whole, sum(legs) if legs else None)

    @property
    def amount(self) -> Decimal | None:
        """Return what it cost: the whole call, or its legs together.

        Some callbacks of a whole call have the cost of one leg (plivo-contract 2.1
        does not say): what the legs have together is not less than the call's.
        """
        whole = self.last.amount if self.last else None
        legs = [e.amount for e in self.ends if e.amount is not None]
        return _larger(whole, sum(legs, Decimal(0)) if legs else None)

    @property
    def is_contradictory(self) -> bool:
        """Return whether facts contradict each other."""
        legs = [e.amount for e in self.ends if e.amount is not None]
        whole = self.last.amount if self.last else None
        if whole is not None and len(legs) > 1 and sum(legs, Decimal(0)) != whole:
            return True
        if any(each.has_odd_cost for each in self.facts):
            return True
        stages = [each.stage for each in self.facts]
        if stages != sorted(stages) or (self.answer and self.talked is False):
            return True
        told = self.answer.at if self.answer else None
        return told is not None and self.answered_at not in (told, None)


Cost = TypeVar("Cost", int, Decimal)


def _larger(one: Cost | None, other: Cost | None) -> Cost | None:
    told = [each for each in (one, other) if each is not None]
    return max(told) if told else None


def known(at: datetime | None) -> datetime | None:
    """Return a time, None in place of the earliest."""
    return at if at and at > EARLIEST else None
