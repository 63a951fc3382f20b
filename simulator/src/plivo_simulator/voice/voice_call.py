"""Run a call that XML directs: its A-leg by documents, and the legs that are dialed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..answer_urls import Ask
from ..conversation import Action
from ..phones import Plan
from ..records import Call, LegRecord
from ..rules.model import (
    BUSY,
    CANCELLED,
    INVALID_DESTINATION,
    REJECTED,
    TIME_LIMIT,
    Cause,
    Leg,
)
from ..rules.steps import Play
from .causes import LOOP_DETECTED, TRANSFER
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
from .line import Line
from .links import Link
from .runner import Runner

if TYPE_CHECKING:
    from ..engine import Engine
    from ..store import Application

# A number of the account that leads to another: so deep, and so often in all.
MAX_HOPS = 5
MAX_LINKED = 20
DEFAULT_SECONDS = 14_400
MAX_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Directions:
    """The URLs of one call. *hangup_url* is the answer URL where none is set."""

    answer_url: str
    answer_method: str = "POST"
    hangup_url: str = ""
    hangup_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    ring_url: str = ""
    ring_method: str = "POST"

    @classmethod
    def of(cls, application: Application | None) -> Directions | None:
        """Return those of *application*, None where nothing answers."""
        if application is None or not application.answer_url:
            return None
        return cls(
            application.answer_url,
            application.answer_method,
            application.hangup_url,
            application.hangup_method,
            application.fallback_answer_url,
            application.fallback_method,
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the API asked for of a call that it makes."""

    ring_timeout: int = 120
    time_limit: int = DEFAULT_SECONDS
    hangup_on_ring: int | None = None


class VoiceCall:
    """One call while it lasts. *time_limit* is how long it may be up, in seconds."""

    limit_reached = Ended(TIME_LIMIT, "Plivo")

    def __init__(self, engine: Engine, call: Call, script: Mapping[str, Any]) -> None:
        self.engine = engine
        self.call = call
        self.time_limit = MAX_SECONDS
        # The keys of a script are the caller's: who is rung follows the plan it has.
        self._script = {k: v for k, v in script.items() if k != "digits"}
        plan = engine.plan_of(call.caller, script)
        self.a = self._line(call.legs[Leg.CALLER], plan)
        self.lines = [self.a]

    def is_asked(self, leg: LegRecord) -> bool:
        """Return whether the person at *leg* is asked for keys or for speech."""
        return any(line.asked for line in self.lines if line.record is leg)

    @property
    def waits_for(self) -> str:
        """Return `digits` while somebody is asked for them."""
        return "digits" if any(line.asked for line in self.lines) else ""

    @property
    def playing(self) -> Play | None:
        """Return the audio that a leg hears now."""
        for line in self.lines:
            heard = line.record.heard[-1:]
            if heard and heard[0].until is None and heard[0].what == "audio":
                return Play(line.record.leg, heard[0].detail)
        return None

    def act(self, action: Action) -> None:
        """Have what a person does happen to the person's leg."""
        line = self._line_of(action)
        items: Mapping[str, list[Input]] = {
            "answer": [PickedUp()],
            "decline": [Refused(REJECTED) if not line.is_answered else Left()],
            "hangup": [Left()],
            "key": [Key(key) for key in action.digits[:1]],
            "digits": [Key(key) for key in action.digits],
            "say": [Said(action.digits)],
            "cut": [Ended(action.cause, "Plivo")],
        }
        for item in items[action.what]:
            line.put(item)

    def end(self, leg_uuid: str, ended: Ended) -> None:
        """End the leg of that UUID, and with the A-leg all others."""
        self._by_uuid(leg_uuid).put(ended)

    def transfer(self, legs: str, urls: Mapping[str, tuple[str, str]]) -> list[str]:
        """Send *legs* (`aleg`, `bleg`, `both`) on to their documents, by *urls*.

        Return the UUIDs of those that go: a leg that nobody is at can't.
        """
        moved: list[str] = []
        lines = {"bleg": self._bridged(), "aleg": self.a}
        for name, line in lines.items():
            if line and legs in (name, "both"):
                ask = self._transfer(*urls[name])
                line.put(Moved(ask, alone=legs != "both"))
                moved.append(line.record.call_uuid)
        return moved

    async def inbound(self, directions: Directions | None) -> None:
        """Run the call of somebody who dialed a number of the account."""
        if directions is None:
            self.a.end(INVALID_DESTINATION, "Plivo")
            return
        # Not even a call that is never answered goes on for ever.
        self.limit(self.a, MAX_SECONDS)
        if (patience := self.a.plan.gives_up_after) is not None:
            self.a.foresee(patience, Left(), "patience")
        await self._directed(directions)

    async def outbound(self, directions: Directions, wanted: Outgoing) -> None:
        """Ring the phone that the API calls, and go on when it has answered."""
        self.time_limit = min(wanted.time_limit, MAX_SECONDS)
        if directions.ring_url:
            attributes = self.engine.requests.standard(self.call, "Ring")
            ask = Ask(
                *(directions.ring_url, directions.ring_method, "Ring", attributes),
                point="ring",
            )
            self.engine.answer_urls.tell(self.call, ask)
        if wanted.hangup_on_ring is not None:
            ended = Ended(CANCELLED, "Plivo")
            self.a.foresee(wanted.hangup_on_ring, ended, "ring")
        try:
            cause = await self.ring(self.a, wanted.ring_timeout)
        except (LegOverError, TransferredError):
            cause = self.a.record.cause
        if cause is not None:
            self.a.end(cause, "Plivo" if cause.code == 6010 else "Carrier")
            self._tell_of_end(directions, documents=1)
            return
        self.a.pick_up()
        self.limit(self.a, self.time_limit)
        await self._directed(directions)

    async def ring(self, line: Line, seconds: float | None) -> Cause | None:
        """Ring *line*'s phone, or the account's number that it is.

        Return why it was not answered, None when it was.
        """
        number, engine = line.record.number, self.engine
        if number in engine.store.numbers:
            first = engine.store.calls[self.call.came_of or self.call.call_uuid]
            if self.call.hops >= MAX_HOPS or first.linked >= MAX_LINKED:
                return LOOP_DETECTED
            first.linked += 1
            line.link = Link(engine, line, number, first)
            line.rang = True
            return await line.link.ring(seconds)
        if engine.is_busy(number):
            return BUSY
        engine.occupy(line.record)
        line.rang = True
        line.note("ringing", caller_id=line.record.caller_id)
        line.hears("ringing", line.record.caller_id)
        return await line.ring(seconds)

    def new_line(self, number: str, caller_id: str, position: int) -> Line:
        """Begin a dialed leg to *number*, which shows *caller_id*."""
        now = self.engine.clock.now()
        record = LegRecord(Leg.CALLEE, number, now, str(uuid4()))
        record.caller_id, record.position = caller_id, position
        self.call.dialed.append(record)
        self.engine.store.legs[record.call_uuid] = (self.call, record)
        line = self._line(record, self.engine.plan_of(number, self._script))
        self.lines.append(line)
        return line

    def release(self, line: Line) -> None:
        """Free the phone of a leg that is over, and what hangs on it."""
        if line.link:
            line.link.end()
        self.engine.release(line.record)

    async def run_on(self, line: Line, ask: Ask) -> None:
        """Run a dialed leg by documents of its own: it has been transferred."""
        self.limit(line, MAX_SECONDS)
        await Runner(self, line).run(ask)

    def limit(self, line: Line, seconds: float) -> None:
        """End a leg when *seconds* from now are over, whatever limit it had before."""
        line.forget("time limit")
        line.foresee(seconds, self.limit_reached, "time limit")

    async def _directed(self, directions: Directions) -> None:
        ask = self._start(directions.answer_url, directions.answer_method, "StartApp")
        fallback = None
        if directions.fallback_url:
            event = self.engine.switches["fallback_event"]
            method = directions.fallback_method
            fallback = self._start(directions.fallback_url, method, event)
        runner = Runner(self, self.a)
        try:
            await runner.run(ask, fallback)
        finally:
            self.release(self.a)
        self._tell_of_end(directions, documents=runner.documents)
        for line in self.lines[1:]:
            await self.engine.clock.wait_for(line.over, None)

    def _tell_of_end(self, directions: Directions, documents: int) -> None:
        leg, switches = self.a.record, self.engine.switches
        refused = leg.answered_at is None and leg.ended_by == "Answer XML"
        gave_up = leg.answered_at is None and not documents
        if refused and switches["hangup_after_refusal"] == "not_told":
            return
        if gave_up and switches["hangup_after_giving_up"] == "not_told":
            return
        url = directions.hangup_url or directions.answer_url
        ask = self.engine.requests.hangup(self.call, url, directions.hangup_method)
        self.engine.answer_urls.tell(self.call, ask)

    def _start(self, url: str, method: str, event: str) -> Ask:
        return Ask(url, method, event, self.engine.requests.standard(self.call, event))

    def _transfer(self, url: str, method: str) -> Ask:
        attributes = self.engine.requests.standard(self.call, "Redirect")
        return Ask(url, method, "Redirect", attributes, asked_by=TRANSFER)

    def _line(self, record: LegRecord, plan: Plan) -> Line:
        engine, call = self.engine, self.call
        return Line(engine.clock, call, record, plan, lambda: engine.changed(call))

    def _bridged(self) -> Line | None:
        for line in self.lines[1:]:
            heard = line.record.heard[-1:]
            if line.record.is_up and heard and heard[0].what == "talk":
                return line
        return None

    def _by_uuid(self, leg_uuid: str) -> Line:
        return next(each for each in self.lines if each.record.call_uuid == leg_uuid)

    def _line_of(self, action: Action) -> Line:
        if action.leg_uuid:
            return self._by_uuid(action.leg_uuid)
        if action.leg is Leg.CALLER:
            return self.a
        dialed = [line for line in self.lines[1:] if line.record.is_up]
        return self._bridged() or (dialed[0] if dialed else self.lines[-1])
