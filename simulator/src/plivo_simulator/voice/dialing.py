"""Carry out Dial: ring several legs at once, connect the first that takes the call.

The caller's side. Each dialed leg runs by itself (`callee`) and puts what becomes of it
into the caller's queue: Connected, or Dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answer_urls import Ask
from ..rules.model import CANCELLED, NORMAL, RING_TIMEOUT, TIME_LIMIT, Leg
from .callee import Callee
from .dial_elements import MAX_DIAL_SECONDS, Dial, Number, User
from .documents import BadXmlError, Reading, read_document
from .element import Element
from .flow_elements import Play, Record, Speak, Wait
from .inputs import (
    Connected,
    Dropped,
    Ended,
    Key,
    Left,
    LegOverError,
    LimitReached,
    TransferredError,
)
from .requests import DialResult
from .takes import Take, start_take

if TYPE_CHECKING:
    from ..engine import Engine
    from ..records import Call
    from .line import Line
    from .runner import Runner


class Dialing:
    """One Dial of one caller."""

    def __init__(self, runner: Runner, verb: Dial) -> None:
        self.runner = runner
        self.verb = verb
        self.engine: Engine = runner.engine
        self.call: Call = runner.call
        self.a: Line = runner.line
        self.armed = list(runner.armed)
        self.takes: list[Take] = []
        self.callees: list[Callee] = []
        self._bridged: Line | None = None
        self._last = CANCELLED
        if not self.engine.switches.is_on("record_next_dial"):
            runner.armed.clear()

    async def run(self) -> Ask | None:
        """Ring, connect, wait for the end; return the request that follows."""
        if self.engine.switches["dial_bills_caller"] == "from_dial":
            self.runner.pick_up()
        self._ring()
        try:
            await self._wait_for_end()
        except LegOverError:
            await self._caller_gone()
            raise
        except TransferredError as transfer:
            self._end_legs("API Request", alone=transfer.moved.alone)
            raise
        finally:
            for why in ("dial", "talk", "patience"):
                self.a.forget(why)
            if self.engine.switches["record_dial_until"] == "call":
                self.runner.takes += self.takes
            else:
                for take in self.takes:
                    take.stop()
        self.a.hears("")
        if not self.verb.action:
            return None
        ask = self.engine.requests.dial_action(self.call, self.verb, self.result())
        return self.runner.asked(ask, redirect=self.verb.redirect)

    def result(self, status: str = "") -> DialResult:
        """Return how the dial has ended."""
        leg = self._bridged.record if self._bridged else None
        rang = any(line.rang for line in self._lines)
        return DialResult(self._last, leg, rang, status)

    def tell(self, line: Line, action: str, **own: str) -> None:
        """Send *action* of a dialed leg to the callbackUrl, if there is one."""
        if self.verb.callback_url:
            requests = self.engine.requests
            ask = requests.dial_event(self.call, self.verb, line.record, action, **own)
            self.engine.answer_urls.tell(self.call, ask)

    def pressed(self, line: Line, typed: str, patterns: str, by: str) -> str:
        """Tell of a pattern that *typed* ends with; return what was typed since one."""
        for pattern in patterns.split(","):
            if pattern and typed.endswith(pattern):
                own = {"DialDigitsMatch": pattern, "DialDigitsPressedBy": by}
                self.tell(line, "digits", **own)
                return ""
        return typed

    def record_from(self, moment: str) -> None:
        """Start the recordings that wait for *moment*, `answer` or `connection`."""
        if self.takes or self.engine.switches["record_dial_from"] != moment:
            return
        self.takes = [take for verb in self.armed if (take := self._take(verb))]

    async def sounds_of(self, url: str) -> tuple[Element, ...] | None:
        """Return the Play, Speak and Wait of the document at *url*; None for none."""
        standard = self.engine.requests.standard(self.call, "DialRemoteSounds")
        ask = Ask(url, "POST", "DialRemoteSounds", standard)
        reply = await self.engine.answer_urls.ask(self.call, ask)
        try:
            if reply.is_ok:
                # Plivo documents that all others are ignored.
                reading = Reading(skips_unknown_elements=True)
                verbs = read_document(reply.text, reply.content_type, reading)
                return tuple(v for v in verbs if isinstance(v, Play | Speak | Wait))
        except BadXmlError as problem:
            self.a.note("refused a document", why=str(problem))
        return None

    def _take(self, verb: Record) -> Take | None:
        numbers = [line.record.number for line in self._lines if line.is_answered]
        number = numbers[0] if numbers else self.call.virtual_number
        return start_take(self.engine, self.call, verb, number)

    @property
    def _lines(self) -> list[Line]:
        return [callee.line for callee in self.callees]

    def _ring(self) -> None:
        self._ringback()
        patience = self.a.plan.gives_up_after
        if patience is not None:
            self.a.forget("patience")
            self.a.foresee(patience, Left(), "patience")
        for position, target in enumerate(self.verb.children, start=1):
            number = target.digits if isinstance(target, Number) else target.text
            line = self.runner.talk.new_line(number, self._caller_id, position)
            line.record.caller_name = self._caller_name
            tones = target.send_digits if isinstance(target, Number | User) else ""
            callee = Callee(self, line, tones)
            self.callees.append(callee)
            self.engine.spawn(callee.run(), f"leg {line.record.call_uuid}")

    @property
    def _caller_id(self) -> str:
        chosen = "".join(each for each in self.verb.caller_id if each.isdigit())
        # Without callerId the callee sees the caller's own number: Plivo's default.
        return chosen or self.call.caller

    @property
    def _caller_name(self) -> str:
        name = self.verb.caller_name
        return self.call.caller_name if name is None else name

    def _ringback(self) -> None:
        music = self.verb.dial_music
        if music in ("", "real"):
            quiet = not music and self.engine.switches["dial_ringback"] == "silence"
            self.a.hears("silence" if quiet else "ringing", music)
            return
        self.a.hears("silence")
        self.engine.spawn(self._play_music(music), f"music {self.call.call_uuid}")

    async def _play_music(self, url: str) -> None:
        sounds = await self.sounds_of(url)
        if self._bridged is None and self.a.record.is_up:
            words = " ".join(each.text for each in sounds or () if each.text)
            self.a.hears("music" if sounds else "ringing", words)

    async def _wait_for_end(self) -> None:
        """Return when the dial is over, with `_last` the cause of its end."""
        typed, left = "", float(self.verb.timeout or 0) or None
        going_on = len(self.callees)
        while going_on:
            seconds = left if self._bridged is None else None
            item = await self.a.until(
                Connected, Dropped, Key, LimitReached, seconds=seconds
            )
            match item:
                case None:
                    left = None
                    self._ring_timed_out()
                case Connected(line) if line in self._lines:
                    self._connect(line)
                case Dropped(line) if line in self._lines:
                    # Not one of a dial before, which a transfer has broken off.
                    going_on -= 1
                    self._dropped(line)
                case LimitReached():
                    self._limit_reached()
                case Key(key) if self._bridged is not None:
                    if key == "*" and self.verb.hangup_on_star:
                        self._bridged.put(Ended(NORMAL, self.a.who))
                    else:
                        if self._bridged.link:
                            self._bridged.link.press(key)
                        patterns = self.verb.digits_match
                        typed = self.pressed(
                            self._bridged, typed + key, patterns, "ALeg"
                        )

    def _connect(self, line: Line) -> None:
        if self._bridged is not None or not line.record.is_up:
            return
        self._bridged = line
        for other in self._lines:
            if other is not line:
                other.put(Ended(CANCELLED, "Plivo"))
        self.runner.pick_up()
        self.a.forget("patience")
        self.tell(line, "connected")
        self.record_from("connection")
        self.a.hears("talk", line.record.number)
        line.hears("talk", self.call.caller)
        limit = min(self.verb.time_limit, MAX_DIAL_SECONDS)
        self.a.foresee(limit, LimitReached(), "dial")
        plan = self.a.plan
        if not plan.manual_caller:
            leaves = self.a if plan.hangup_by is Leg.CALLER else line
            leaves.foresee(plan.talk_seconds, Left(), "talk")

    def _dropped(self, line: Line) -> None:
        # Which of several unanswered legs speaks for the dial: the last to end.
        if self._bridged in (None, line):
            self._last = line.record.cause or NORMAL

    def _limit_reached(self) -> None:
        if self._bridged is not None:
            self._bridged.put(Ended(TIME_LIMIT, "Plivo"))
        if self.engine.switches["time_limit_ends"] == "both_legs":
            self.a.end(TIME_LIMIT, "Plivo")
            raise LegOverError

    def _ring_timed_out(self) -> None:
        for line in self._lines:
            if not line.is_answered:
                line.put(Ended(RING_TIMEOUT, "Plivo"))

    async def _caller_gone(self) -> None:
        self._end_legs(self.a.record.ended_by, alone=True)
        for callee in self.callees:
            if callee.takes_part:
                await self.engine.clock.wait_for(callee.line.over, None)
        status = self.engine.switches["action_after_caller_hangup"]
        if self.verb.action and status != "not_requested":
            ask = self.engine.requests.dial_action(
                self.call, self.verb, self.result(status)
            )
            self.engine.answer_urls.tell(self.call, ask)

    def _end_legs(self, source: str, *, alone: bool) -> None:
        for line in self._lines:
            if line is not self._bridged:
                line.put(Ended(CANCELLED, source))
            elif alone:
                cause = self.a.record.cause or NORMAL
                line.put(Ended(cause, source))
