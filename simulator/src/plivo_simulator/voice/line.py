"""Run one leg: what happens to it, what its phone hears, how its phone behaves.

Everything that happens to a leg comes through one queue, whoever causes it: the
person, the phone's plan, the API, the other leg. What a plan will do is noted ahead
of time and withdrawn when the occasion for it has passed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from ..clock import Clock
from ..phones import MANUAL, REFUSALS, RING_ON, Plan
from ..records import Call, Heard, LegRecord
from ..rules.model import CANCELLED, NORMAL, REJECTED, RING_TIMEOUT, Cause, Leg
from .inputs import (
    Ended,
    Input,
    Key,
    Left,
    LegOverError,
    Moved,
    PickedUp,
    Refused,
    Said,
    TransferredError,
)

if TYPE_CHECKING:
    from .links import Link

TYPING_SECONDS = 0.5
_Wanted = TypeVar("_Wanted", bound=Input)


class Line:
    """One leg while it lasts. *changed* is called whenever there is news of it."""

    def __init__(
        self,
        clock: Clock,
        call: Call,
        record: LegRecord,
        plan: Plan,
        changed: Callable[[], None],
    ) -> None:
        self.call = call
        self.record = record
        self.plan = plan
        self.asked = False
        self.rang = False
        self.over = asyncio.Event()
        self.link: Link | None = None
        self._clock = clock
        self._changed = changed
        self._answers = deque(plan.digits)
        self._inputs: deque[Input] = deque()
        self._planned: list[tuple[datetime, Input, str]] = []
        self._acted = asyncio.Event()

    @property
    def is_caller(self) -> bool:
        """Return whether this is the A-leg."""
        return self.record.leg is Leg.CALLER

    @property
    def who(self) -> str:
        """Return Plivo's word for the person at this leg as the source of an end."""
        return "Caller" if self.is_caller else "Callee"

    @property
    def is_answered(self) -> bool:
        """Return whether the leg has been answered."""
        return self.record.answered_at is not None

    def put(self, item: Input) -> None:
        """Have *item* happen to the leg now."""
        self._inputs.append(item)
        self._acted.set()

    def foresee(self, seconds: float, item: Input, why: str) -> None:
        """Have *item* happen in *seconds*, unless `forget(why)` comes first."""
        moment = self._clock.now() + timedelta(seconds=seconds)
        self._planned.append((moment, item, why))
        self._planned.sort(key=lambda each: each[0])
        self._acted.set()

    def forget(self, why: str) -> None:
        """Withdraw what was foreseen for the reason *why*."""
        self._planned = [each for each in self._planned if each[2] != why]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Wait for what the person enters: `respond` has its plan enter something."""
        self.asked = True
        self._changed()
        try:
            yield
        finally:
            self.asked = False
            self.forget("asked")
            self._changed()

    def respond(self, seconds: float = TYPING_SECONDS) -> None:
        """Have the plan's next entry typed in *seconds*, or said if it has no keys."""
        if self._answers and (entry := self._answers.popleft()):
            keys = set(entry) <= set("0123456789*#")
            for item in [Key(each) for each in entry] if keys else [Said(entry)]:
                self.foresee(seconds, item, "asked")

    async def until(
        self, *wanted: type[_Wanted], seconds: float | None = None
    ) -> _Wanted | None:
        """Wait for one of the *wanted* inputs; return it, or None when time is over.

        Others are passed over. Raise LegOverError when the leg ends meanwhile, and
        TransferredError when it is to go on with another document.
        """
        end = None
        if seconds is not None and seconds != float("inf"):
            end = self._clock.now() + timedelta(seconds=max(seconds, 0.0))
        while (item := await self._next(end)) is not None:
            if isinstance(item, wanted):
                return item
            match item:
                case Left():
                    self.end(NORMAL if self.is_answered else CANCELLED, self.who)
                    raise LegOverError
                case Ended():
                    self.end(item.cause, item.source)
                    raise LegOverError
                case Moved():
                    raise TransferredError(item)
        return None

    async def ring(self, seconds: float | None) -> Cause | None:
        """Ring the phone; return why it did not answer, or None when it did."""
        plan = self.plan
        refusal = REFUSALS.get(plan.answer)
        if plan.answer not in (MANUAL, RING_ON):
            answer = Refused(refusal) if refusal else PickedUp()
            self.foresee(plan.ring_seconds, answer, "ring")
        try:
            item = await self.until(PickedUp, Refused, Left, seconds=seconds)
        finally:
            self.forget("ring")
        match item:
            case PickedUp():
                return None
            case Refused():
                return item.cause
            case Left():
                return REJECTED
        return RING_TIMEOUT

    def hears(self, what: str, detail: str = "") -> None:
        """Have the phone hear something from now on; "" is the end of what it heard."""
        now, heard = self._clock.now(), self.record.heard
        if heard and heard[-1].until is None:
            if (heard[-1].what, heard[-1].detail) == (what, detail):
                return
            heard[-1].until = now
            if heard[-1].at == now:
                heard.pop()
        if what:
            heard.append(Heard(now, what, detail))
        self._changed()

    def pick_up(self) -> None:
        """Mark the leg as answered."""
        if not self.is_answered:
            self.record.answered_at = self._clock.now()
            self.record.up.set()
            self.note("answered")

    def end(self, cause: Cause, source: str) -> None:
        """End the leg, unless it has ended."""
        if self.record.ended_at is None:
            self.hears("")
            self.record.ended_at = self._clock.now()
            self.record.cause, self.record.ended_by = cause, source
            self._planned.clear()
            self.note("hung_up", cause=cause.name, source=source)

    def note(self, what: str, **details: object) -> None:
        """Add a line about the leg to the call's history."""
        where = {"leg": self.record.leg, "leg_uuid": self.record.call_uuid}
        self.call.note(self._clock.now(), what, **where, **details)
        self._changed()

    async def _next(self, end: datetime | None) -> Input | None:
        while not self._inputs:
            planned = self._planned[0] if self._planned else None
            due = planned if planned and (end is None or planned[0] <= end) else None
            moment = due[0] if due else end
            left = (moment - self._clock.now()).total_seconds() if moment else None
            self._acted.clear()
            waits = left is None or left > 0
            if waits and await self._clock.wait_for(self._acted, left):
                continue
            if due is None:
                return None
            if due in self._planned:
                self._planned.remove(due)
                return due[1]
        return self._inputs.popleft()
