"""Carry out the steps of one call: ring phones, play, gather, talk, hang up.

The flow (`plivo_simulator.rules.flow`) decides the next step; this module carries it
out on the clock and sends the result back. Actions of people, from a script or from
a person, arrive through one queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .phones import MANUAL, REFUSALS, RING_ON, Plan
from .records import Call
from .rules.flow import PIN_ENTRY_SECONDS
from .rules.model import BUSY, NORMAL, REJECTED, RING_TIMEOUT, TIME_LIMIT, Cause, Leg
from .rules.steps import (
    Answer,
    Cut,
    Flow,
    Gather,
    Gone,
    HangUp,
    Outcome,
    Pause,
    Play,
    Pressed,
    Record,
    Reply,
    Report,
    Ring,
    Step,
    Talk,
    Unanswered,
)

if TYPE_CHECKING:
    from .engine import Engine

TYPING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a person: `answer`, `decline`, `hangup`, `key`, `digits`, `say`.

    `key` is one key press, `digits` the whole entry, or the words that are said. `cut`
    comes from no person. *leg_uuid* names one leg where several are dialed.
    """

    what: str
    leg: Leg
    digits: str = ""
    cause: Cause = NORMAL
    leg_uuid: str = ""


class Conversation:
    """One call while it lasts."""

    def __init__(self, engine: Engine, call: Call, script: Mapping[str, Any]) -> None:
        self.call = call
        self._engine = engine
        self._clock = engine.clock
        self._script = script
        self._plan = engine.plan_of(call.caller, script)
        self._digits = deque(self._plan.digits)
        self._actions: deque[Action] = deque()
        self._acted = asyncio.Event()
        self.waits_for = ""
        self.playing: Play | None = None

    def act(self, action: Action) -> None:
        """Queue *action*, which a person takes in this call."""
        self._actions.append(action)
        self._acted.set()

    async def play(self, flow: Flow) -> Outcome:
        """Run *flow* to its end and return the outcome."""
        reply: Reply = None
        try:
            step = next(flow)
            while True:
                reply = await self._perform(step)
                step = flow.send(reply)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    async def _perform(self, step: Step) -> Reply:
        match step:
            case Answer():
                self._pick_up(Leg.CALLER)
            case HangUp():
                self._hang_up(step)
            case Report():
                self._engine.report(step, self.call)
            case Record():
                return self._engine.recorder.begin_masked(self.call)
            case Play():
                return await self._play_audio(step)
            case Gather():
                return await self._gather(step)
            case Pause():
                return await self._wait(step.seconds)
            case Ring():
                return await self._ring(step)
            case Talk():
                return await self._talk(step)
        return None

    async def _play_audio(self, step: Play) -> Reply:
        self._note("playing", leg=step.leg, url=step.url)
        seconds = await self._engine.audio.seconds_of(step.url)
        self.playing = step
        self._engine.changed(self.call)
        try:
            return await self._wait(seconds, keys=step.keys)
        finally:
            self.playing = None
            self._engine.changed(self.call)

    async def _gather(self, step: Gather) -> Reply:
        self.waits_for = "digits"
        self._note("gathering")
        try:
            if self._digits and (entered := self._digits.popleft()):
                reply = await self._wait(TYPING_SECONDS)
                return reply or Pressed(entered)
            return await self._wait(step.seconds, keys=True)
        finally:
            self.waits_for = ""
            self._engine.changed(self.call)

    async def _ring(self, step: Ring) -> Reply:
        leg = self._engine.add_leg(self.call, step.leg, step.number)
        if self._engine.is_busy(step.number):
            return Unanswered(BUSY)
        self._engine.occupy(leg)
        self._note("ringing", leg=step.leg, caller_id=step.caller_id)
        plan = self._engine.plan_of(step.number, self._script)
        reply = await self._ring_by(plan, step)
        if reply is None:
            self._pick_up(step.leg)
        return reply

    async def _ring_by(self, plan: Plan, step: Ring) -> Reply:
        picks_up = plan.answer not in (MANUAL, RING_ON)
        after = plan.ring_seconds if picks_up else float("inf")
        gives_up = self._plan.gives_up_after
        patience = float("inf") if gives_up is None else gives_up
        if step.leg is Leg.CALLER:
            patience = float("inf")
        seconds = min(after, patience, step.seconds)
        until = self._clock.now() + timedelta(seconds=seconds)
        while action := await self._next_action(until):
            if action.what == "answer" and action.leg is step.leg:
                return None
            if action.what == "decline" and action.leg is step.leg:
                return Unanswered(REJECTED)
            reply = self._interruption(action)
            if reply and not isinstance(reply, Pressed):
                return reply
        if seconds == patience and patience < after:
            self._leave(Leg.CALLER)
            return Gone(Leg.CALLER)
        if seconds == step.seconds and after > step.seconds:
            return Unanswered(RING_TIMEOUT)
        refusal = REFUSALS.get(plan.answer)
        return Unanswered(refusal) if refusal else None

    async def _talk(self, step: Talk) -> Reply:
        self._note("talking")
        talk = float("inf") if self._plan.manual_caller else self._plan.talk_seconds
        reply = await self._wait(min(talk, step.seconds))
        if reply is not None:
            return reply
        if step.seconds <= talk:
            return Cut(TIME_LIMIT)
        self._leave(self._plan.hangup_by)
        return Gone(self._plan.hangup_by)

    async def _wait(self, seconds: float, *, keys: bool = False) -> Reply:
        """Wait; return the reply to an action that interrupts the step."""
        until = self._clock.now() + timedelta(seconds=seconds)
        while action := await self._next_action(until):
            if keys and action.what == "key":
                # A caller who has begun to type gets the whole time again.
                until = self._clock.now() + timedelta(seconds=PIN_ENTRY_SECONDS)
            reply = self._interruption(action)
            if reply and (keys or not isinstance(reply, Pressed)):
                return reply
        return None

    def _interruption(self, action: Action) -> Reply:
        if action.what == "cut":
            return Cut(action.cause)
        if action.what in ("hangup", "decline"):
            self._leave(action.leg)
            return Gone(action.leg)
        if action.what == "digits" and action.leg is Leg.CALLER:
            return Pressed(action.digits)
        return None

    async def _next_action(self, until: datetime) -> Action | None:
        while not self._actions:
            self._acted.clear()
            left = (until - self._clock.now()).total_seconds()
            if not await self._clock.wait_for(self._acted, left):
                return None
        return self._actions.popleft()

    def _pick_up(self, leg: Leg) -> None:
        self.call.legs[leg].answered_at = self._clock.now()
        self.call.legs[leg].up.set()
        self._note("answered", leg=leg)

    def _leave(self, leg: Leg) -> None:
        record = self.call.legs.get(leg)
        if record and record.ended_at is None:
            record.ended_at = self._clock.now()
            record.ended_by = leg.value.capitalize()
            self._engine.release(record)

    def _hang_up(self, step: HangUp) -> None:
        record = self.call.legs.get(step.leg)
        if record is None:
            return
        if record.ended_at is None:
            record.ended_at = self._clock.now()
            record.ended_by = "Plivo"
            self._engine.release(record)
        record.cause = record.cause or step.cause
        self._engine.recorder.end_of(self.call)
        self._note("hung_up", leg=step.leg, cause=step.cause.name)

    def _note(self, what: str, **details: Any) -> None:
        self.call.note(self._clock.now(), what, **details)
        self._engine.changed(self.call)
