"""Carry out documents on one leg, one after another, until the leg is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..answer_urls import ApplicationReply, Ask
from ..rules.model import BUSY, NORMAL, REJECTED, Cause
from .causes import ANSWER, END_OF_XML, LOOP_DETECTED, UNREACHABLE
from .conferences import confer
from .dial_elements import Conference, Dial
from .dialing import Dialing
from .documents import BadXmlError, Reading, read_document
from .element import Element
from .flow_elements import (
    Dtmf,
    GetDigits,
    GetInput,
    Hangup,
    Input,
    Message,
    Play,
    PreAnswer,
    Record,
    Redirect,
    Speak,
    Wait,
)
from .gathering import BEEP_SECONDS, get_digits, get_input
from .inputs import Fetched, Key, LegOverError, Said, TransferredError
from .recording import record
from .requests import Attributes
from .takes import Take

if TYPE_CHECKING:
    from ..engine import Engine
    from ..records import Call
    from .line import Line
    from .voice_call import VoiceCall

TONE_SECONDS = 0.25
_REASONS = {"busy": BUSY, "rejected": REJECTED}


class Runner:
    """The documents of one leg.

    *armed* are the recordings that begin when a dial is answered, *takes* those that
    go on in the background.
    """

    def __init__(self, talk: VoiceCall, line: Line) -> None:
        self.talk = talk
        self.engine: Engine = talk.engine
        self.call: Call = talk.call
        self.line = line
        self.documents = 0
        self.armed: list[Record] = []
        self.takes: list[Take] = []

    async def run(self, ask: Ask, fallback: Ask | None = None) -> None:
        """Go through documents, beginning with *ask*'s, until the leg is over."""
        following: Ask | None = ask
        try:
            for _ in range(int(self.engine.switches["document_limit"])):
                if following is None:
                    self.line.end(END_OF_XML, "Answer XML")
                    return
                try:
                    verbs = await self._document(following, fallback)
                    following = await self._perform(verbs)
                except TransferredError as transfer:
                    following = transfer.moved.ask
            self.line.end(LOOP_DETECTED, "Plivo")
        except LegOverError:
            return
        finally:
            for take in self.takes:
                take.stop()

    async def sound(
        self, verb: Element, wanted: tuple[type[Key] | type[Said], ...] = ()
    ) -> Key | Said | None:
        """Play Speak, Play or Wait; return the *wanted* input that interrupts it."""
        seconds = 0.0
        match verb:
            case Speak():
                seconds = verb.seconds * (verb.loop or float("inf"))
                self.line.hears("speech", verb.text)
            case Play():
                length = await self.engine.audio.seconds_of(verb.text)
                seconds = length * (verb.loop or float("inf"))
                self.line.hears("audio", verb.text)
            case Wait():
                quiet = verb.min_silence / 1000 if verb.silence else verb.length
                seconds = min(quiet, verb.length)
                self.line.hears("silence")
        return await self.line.until(*wanted, seconds=seconds)

    async def beep(self) -> None:
        """Have the leg hear a beep."""
        self.line.hears("beep")
        await self.line.until(seconds=BEEP_SECONDS)

    def entered(self, verb: Input, own: Attributes) -> Ask | None:
        """Return the request about what was entered, or send it where none follows."""
        if not verb.action:
            return None
        requests = self.engine.requests
        event = requests.input_event()
        return self.asked(
            requests.action(self.call, verb.action, verb.method, event, own),
            redirect=verb.redirect,
        )

    def asked(self, ask: Ask, *, redirect: bool) -> Ask | None:
        """Return *ask* if the call goes on with it; else send it and return None."""
        if redirect:
            return ask
        self.tell(ask)
        return None

    def tell(self, ask: Ask) -> None:
        """Send *ask*, whose answer is ignored."""
        self.engine.answer_urls.tell(self.call, self._of_leg(ask))

    async def fetch(
        self, ask: Ask, *, gives_up_on_5xx: bool = False
    ) -> ApplicationReply:
        """Request a document while the leg waits. Raise LegOverError if it ends.

        The request goes on without the leg: nobody takes it back from the network.
        """
        work = self._get(ask, gives_up_on_5xx=gives_up_on_5xx)
        self.engine.spawn(work, f"document of {self.call.call_uuid}")
        while (fetched := await self.line.until(Fetched)) is not None:
            if fetched.ask is ask:
                self.documents += 1
                return fetched.reply
        raise LegOverError

    async def _get(self, ask: Ask, *, gives_up_on_5xx: bool) -> None:
        reply = await self.engine.answer_urls.ask(
            self.call, self._of_leg(ask), gives_up_on_5xx=gives_up_on_5xx
        )
        if self.line.record.is_up:
            self.line.note("asked", url=reply.url, status=reply.status)
            self.line.put(Fetched(ask, reply))

    def pick_up(self) -> None:
        """Answer the leg: the first element that is heard does."""
        if not self.line.is_answered:
            self.line.forget("patience")
            self.line.pick_up()
            self.talk.limit(self.line, self.talk.time_limit)

    def _of_leg(self, ask: Ask) -> Ask:
        """Return *ask* as a request about this leg: one that was dialed has its own."""
        if self.line.is_caller:
            return ask
        leg = self.line.record
        own = {
            "CallUUID": leg.call_uuid,
            "CallStatus": leg.status,
            "Direction": "outbound",
            "From": leg.caller_id,
            "To": leg.number,
        }
        return replace(ask, attributes={**ask.attributes, **own})

    async def _document(self, ask: Ask, fallback: Ask | None) -> tuple[Element, ...]:
        has_fallback = fallback is not None and ask.asked_by == ANSWER
        at_once = self.engine.switches["fallback"] == "at_once_on_5xx"
        if not self.line.is_answered:
            self.line.hears(self.engine.switches["caller_hears_while_asked"])
        reply = await self.fetch(ask, gives_up_on_5xx=has_fallback and at_once)
        verbs = self._read(reply, ask.asked_by)
        if isinstance(verbs, Cause) and fallback and has_fallback:
            reply = await self.fetch(fallback)
            verbs = self._read(reply, ANSWER)
        if isinstance(verbs, Cause):
            self.line.end(verbs, "Error")
            raise LegOverError
        return verbs

    def _read(
        self, reply: ApplicationReply, asked_by: str
    ) -> tuple[Element, ...] | Cause:
        if not reply.is_ok:
            return UNREACHABLE[asked_by]
        reading = Reading.by(self.engine.switches)
        try:
            return read_document(reply.text, reply.content_type, reading)
        except BadXmlError as problem:
            self.line.note("refused a document", why=str(problem))
            return problem.ends_with(asked_by)

    async def _perform(self, verbs: tuple[Element, ...]) -> Ask | None:
        for place, verb in enumerate(verbs):
            if following := await self._carry_out(verb, first=place == 0):
                return following
        return None

    async def _carry_out(self, verb: Element, *, first: bool) -> Ask | None:
        match verb:
            case Redirect():
                return self.engine.requests.redirect(self.call, verb.text, verb.method)
            case Hangup():
                self._hang_up(verb, first=first)
            case Message():
                self.engine.send_text(self.call, verb)
            case PreAnswer():
                return await self._pre_answer(verb)
            case Record(start_on_dial_answer=True):
                self.armed.append(verb)
            case Dial():
                return await Dialing(self, verb).run()
            case Wait() if first and not self.line.is_answered:
                # Plivo documents that it waits before it picks up.
                await self.sound(verb)
            case _:
                self.pick_up()
                return await self._hear(verb)
        return None

    async def _hear(self, verb: Element) -> Ask | None:
        match verb:
            case GetDigits():
                return await get_digits(self, verb)
            case GetInput():
                return await get_input(self, verb)
            case Record():
                return await record(self, verb)
            case Conference():
                return await confer(self, verb)
            case Dtmf():
                self.line.hears("tones", verb.text)
                seconds = 0.0 if verb.asynchronous else TONE_SECONDS * len(verb.text)
                await self.line.until(seconds=seconds)
            case _:
                await self.sound(verb)
        return None

    async def _pre_answer(self, verb: PreAnswer) -> Ask | None:
        for child in verb.children:
            if isinstance(child, Redirect | Message):
                following = await self._carry_out(child, first=False)
            else:
                following = await self._hear(child)
            if following:
                return following
        return None

    def _hang_up(self, verb: Hangup, *, first: bool) -> None:
        if verb.schedule is not None:
            ended = self.talk.limit_reached
            self.line.foresee(verb.schedule, ended, "schedule")
            return
        refuses = first and not self.line.is_answered
        default = REJECTED if refuses else NORMAL
        self.line.end(_REASONS.get(verb.reason, default), "Answer XML")
        raise LegOverError
