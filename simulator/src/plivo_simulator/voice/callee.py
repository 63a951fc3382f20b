"""Run one dialed leg: it rings, may hear a whisper, takes the call, talks, ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..rules.model import NO_ANSWER, NORMAL, Cause
from .causes import UNKNOWN_CALLER_ID
from .dial_elements import MAX_DIAL_SECONDS
from .element import Element
from .flow_elements import Play, Speak, Wait
from .inputs import (
    Connected,
    Dropped,
    Key,
    LegOverError,
    TransferredError,
)

if TYPE_CHECKING:
    from .dialing import Dialing
    from .line import Line

# A pause of half a second, or of a second; other keys take a quarter.
TONE_SECONDS = {"w": 0.5, "W": 1.0}


class Callee:
    """One leg that a dial rings; *takes_part* until it is over, or transferred."""

    def __init__(self, dialing: Dialing, line: Line, tones: str) -> None:
        self.line = line
        self._tones = tones
        self.takes_part = True
        self._dialing = dialing
        self._engine = dialing.engine

    async def run(self) -> None:
        """Go through the leg's life, and tell the caller's leg what became of it."""
        line = self.line
        try:
            if (cause := await self._ring()) is not None:
                line.end(cause, "Carrier")
                return
            line.pick_up()
            self._dialing.tell(line, "answer")
            self._dialing.record_from("answer")
            await self._send_tones()
            if not await self._accepts():
                return
            self._dialing.a.put(Connected(line))
            await self._talk()
        except LegOverError:
            return
        except TransferredError as transfer:
            self._leave_dial()
            await self._dialing.runner.talk.run_on(line, transfer.moved.ask)
        finally:
            self._over()

    async def _ring(self) -> Cause | None:
        shown, call = self.line.record.caller_id, self.line.call
        if shown not in self._engine.store.numbers and shown != call.caller:
            return UNKNOWN_CALLER_ID
        return await self._dialing.runner.talk.ring(self.line, None)

    async def _send_tones(self) -> None:
        """Send the keys of sendDigits to whoever has answered."""
        if self._tones:
            self.line.hears("tones", self._tones)
            seconds = sum(TONE_SECONDS.get(tone, 0.25) for tone in self._tones)
            await self.line.until(seconds=seconds)

    async def _accepts(self) -> bool:
        """Play the whisper; return whether the callee takes the call."""
        verb = self._dialing.verb
        if not verb.confirm_sound:
            return True
        switches = self._engine.switches
        if not verb.confirm_key and switches["whisper_without_key"] == "not_played":
            return True
        quiet = switches["caller_hears_in_whisper"] == "silence"
        if quiet:
            self._dialing.a.hears("silence")
        sounds = await self._dialing.sounds_of(verb.confirm_sound)
        if sounds is None:
            if switches["whisper_failure"] == "dropped":
                self.line.end(NORMAL, "Plivo")
                return False
            return True
        # Plivo documents that this time is counted from the answer.
        seconds = verb.confirm_timeout if verb.confirm_key else MAX_DIAL_SECONDS
        end = self._engine.clock.now() + timedelta(seconds=seconds)
        with self.line.asking():
            for sound in sounds:
                if await self._whisper(sound, verb.confirm_key, end):
                    return True
            if not verb.confirm_key:
                return True
            self.line.hears("silence")
            self.line.respond()
            accepted = await self._key(verb.confirm_key, end)
        if not accepted:
            self.line.end(NO_ANSWER, "Plivo")
        return accepted

    async def _whisper(self, sound: Element, accepts: str, end: datetime) -> bool:
        """Play one sound of the whisper; return whether the key was pressed in it."""
        seconds, what = 0.0, "whisper"
        match sound:
            case Speak():
                seconds = sound.seconds * max(sound.loop, 1)
            case Play():
                length = await self._engine.audio.seconds_of(sound.text)
                seconds = length * max(sound.loop, 1)
            case Wait():
                seconds, what = sound.length, "silence"
        self.line.hears(what, sound.text)
        over = self._engine.clock.now() + timedelta(seconds=seconds)
        return await self._key(accepts, min(over, end))

    async def _key(self, wanted: str, end: datetime) -> bool:
        """Wait until *end* for a key, at most; return whether it was *wanted*."""
        while True:
            left = (end - self._engine.clock.now()).total_seconds()
            pressed = await self.line.until(Key, seconds=left)
            if pressed is None:
                return False
            if wanted and pressed.key == wanted:
                return True

    async def _talk(self) -> None:
        typed = ""
        while True:
            pressed = await self.line.until(Key)
            if pressed is not None:
                patterns = self._dialing.verb.digits_match_b_leg
                typed = self._dialing.pressed(
                    self.line, typed + pressed.key, patterns, "BLeg"
                )

    def _leave_dial(self) -> None:
        self.line.forget("talk")
        self.takes_part = False
        self._dialing.a.put(Dropped(self.line))

    def _over(self) -> None:
        self._dialing.runner.talk.release(self.line)
        self._dialing.tell(self.line, "hangup")
        if self.takes_part:
            self.takes_part = False
            self._dialing.a.put(Dropped(self.line))
        self.line.over.set()
