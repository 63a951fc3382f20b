"""Ask a leg for keys or for speech: GetDigits and GetInput."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answer_urls import Ask
from .flow_elements import GetDigits, GetInput, Input, Play
from .inputs import Key, Said
from .requests import Attributes

if TYPE_CHECKING:
    from .runner import Runner

BEEP_SECONDS = 0.5
# What `auto` means is not documented.
AUTO_SECONDS = 2
SPEECH_CONFIDENCE = "0.9"
# Speech is billed by 15 seconds; the rate is invented, as all rates here.
SPEECH_AMOUNT = "0.02000"


async def get_digits(runner: Runner, verb: GetDigits) -> Ask | None:
    """Carry *verb* out; return the next request, or None when nothing was entered."""
    line = runner.line
    finish = verb.finish_on_key if verb.finish_on_key != "none" else ""
    for _ in range(verb.retries):
        with line.asking():
            first = await _first_key(runner, verb)
            digits = ""
            while first is not None and first.key != finish:
                digits += first.key
                if len(digits) >= verb.num_digits:
                    break
                first = await line.until(Key, seconds=verb.digit_timeout)
        if not digits:
            continue
        if set(digits) <= set(verb.valid_digits):
            return runner.entered(verb, {"Digits": digits})
        if verb.invalid_digits_sound:
            await runner.sound(Play(text=verb.invalid_digits_sound))
    return None


async def get_input(runner: Runner, verb: GetInput) -> Ask | None:
    """Carry *verb* out; return the next request, or None when nothing was entered."""
    wanted: tuple[type[Key] | type[Said], ...] = (
        *((Key,) if "dtmf" in verb.input_type else ()),
        *((Said,) if "speech" in verb.input_type else ()),
    )
    for _ in range(verb.retries):
        with runner.line.asking():
            first = await _prompted(runner, verb, wanted)
            if first is None:
                runner.line.hears("silence")
                runner.line.respond()
                seconds = verb.start_input_timeout or verb.execution_timeout
                first = await runner.line.until(*wanted, seconds=seconds)
            if isinstance(first, Said):
                return runner.entered(verb, _speech(first))
            digits = await _rest(runner, verb, first) if first else ""
        if digits:
            return runner.entered(verb, {"InputType": "dtmf", "Digits": digits})
    return None


async def _first_key(runner: Runner, verb: GetDigits) -> Key | None:
    pressed = await _prompted(runner, verb, (Key,))
    if isinstance(pressed, Key):
        return pressed
    if verb.play_beep:
        await runner.beep()
    runner.line.hears("silence")
    runner.line.respond()
    return await runner.line.until(Key, seconds=verb.timeout)


async def _prompted(
    runner: Runner, verb: Input, wanted: tuple[type[Key] | type[Said], ...]
) -> Key | Said | None:
    """Play the prompts; return the input that interrupts them, if any does."""
    for prompt in verb.children:
        if interruption := await runner.sound(prompt, wanted):
            return interruption
    return None


async def _rest(runner: Runner, verb: GetInput, first: Key) -> str:
    finish = verb.finish_on_key if verb.finish_on_key != "none" else ""
    auto = verb.digit_end_timeout == "auto"
    seconds = AUTO_SECONDS if auto else int(verb.digit_end_timeout)
    key: Key | None = first
    digits = ""
    while key is not None and key.key != finish:
        digits += key.key
        if len(digits) >= verb.num_digits:
            break
        key = await runner.line.until(Key, seconds=seconds)
    return digits


def _speech(said: Said) -> Attributes:
    return {
        "InputType": "speech",
        "Speech": said.words,
        "SpeechConfidenceScore": SPEECH_CONFIDENCE,
        "BilledAmount": SPEECH_AMOUNT,
    }
