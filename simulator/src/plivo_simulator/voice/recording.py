"""Record a leg: a message that the person leaves, or the call in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answer_urls import Ask
from .flow_elements import Record
from .inputs import Key, LegOverError
from .requests import Attributes
from .takes import Take, start_take

if TYPE_CHECKING:
    from .runner import Runner


async def record(runner: Runner, verb: Record) -> Ask | None:
    """Carry *verb* out; return the request that follows, if one does."""
    if not verb.record_session and verb.play_beep:
        await runner.beep()
    take = start_take(runner.engine, runner.call, verb, runner.call.virtual_number)
    if take is None:
        return None
    runner.takes.append(take)
    pressed = "" if verb.record_session else await _message(runner, verb, take)
    if not verb.action:
        return None
    own: Attributes = {**take.attributes, **({"Digits": pressed} if pressed else {})}
    ask = runner.engine.requests.record_action(runner.call, verb, own)
    return runner.asked(ask, redirect=verb.redirect)


async def _message(runner: Runner, verb: Record, take: Take) -> str:
    """Record until a key, silence, maxLength or the leg's end; return the key.

    The person speaks for as long as the plan says and is silent then, unless the plan
    has keys to press.
    """
    line, spoken = runner.line, runner.line.plan.talk_seconds
    finish = "" if verb.finish_on_key == "none" else verb.finish_on_key
    clock = runner.engine.clock
    line.hears("silence")
    left, key = min(spoken + verb.timeout, verb.max_length), None
    started = clock.now()
    try:
        with line.asking():
            line.respond(spoken)
            while left > 0 and (key := await line.until(Key, seconds=left)):
                if key.key in finish:
                    break
                left = verb.max_length - (clock.now() - started).total_seconds()
    except LegOverError:
        take.stop()
        if verb.action:
            own = take.attributes
            runner.tell(runner.engine.requests.record_action(runner.call, verb, own))
        raise
    take.stop()
    return key.key if key else ""
