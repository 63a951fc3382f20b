"""Carry out Conference: callers of one account meet in rooms of a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..answer_urls import Ask
from ..rules.model import NORMAL, TIME_LIMIT
from .dial_elements import Conference
from .inputs import Ended, Key, LegOverError

if TYPE_CHECKING:
    from .runner import Runner


@dataclass(slots=True)
class Member:
    """One leg in a room, and on what terms."""

    runner: Runner
    verb: Conference
    number: int


@dataclass(slots=True)
class Room:
    """A room: its members, and whether it has been started."""

    members: list[Member] = field(default_factory=list)
    started: bool = False
    entered: int = 0

    def heard_by_all(self, name: str) -> None:
        """Have each member hear the others, or music where there is nobody to hear."""
        for member in self.members:
            line = member.runner.line
            others = [m for m in self.members if m is not member]
            if self.started and others:
                line.hears(
                    "talk", ", ".join(m.runner.line.record.number for m in others)
                )
            else:
                line.hears("music", member.verb.wait_sound or name)


async def confer(runner: Runner, verb: Conference) -> Ask | None:
    """Enter the room and stay until the leg or it is over; return what follows."""
    rooms, name = runner.engine.rooms, " ".join(verb.text.split())
    key = (runner.call.account, name)
    room = rooms.setdefault(key, Room())
    if len(room.members) >= verb.max_members:
        runner.line.end(NORMAL, "Plivo")
        raise LegOverError
    room.entered += 1
    member = Member(runner, verb, room.entered)
    room.members.append(member)
    room.started = room.started or verb.start_conference_on_enter
    _tell(member, name, "ConferenceEnter", "enter")
    if verb.enter_sound.startswith("beep"):
        await runner.beep()
    room.heard_by_all(name)
    started = runner.engine.clock.now()
    try:
        await _stay(member, started.timestamp() + verb.time_limit)
    finally:
        room.members.remove(member)
        if not room.members:
            rooms.pop(key, None)
        _tell(member, name, "ConferenceExit", "exit")
        _after(room, verb)
        room.heard_by_all(name)
    runner.line.hears("")
    if not verb.action:
        return None
    requests = runner.engine.requests
    own = _own(member, name)
    ask = requests.action(
        runner.call, verb.action, verb.method, "ConferenceAction", {**own}
    )
    return runner.asked(ask, redirect=verb.redirect)


async def _stay(member: Member, end: float) -> None:
    """Return when the member presses * to leave; a leg that ends raises."""
    clock, line = member.runner.engine.clock, member.runner.line
    while key := await line.until(Key, seconds=end - clock.now().timestamp()):
        if key.key == "*" and member.verb.hangup_on_star:
            return
    line.end(TIME_LIMIT, "Plivo")
    raise LegOverError


def _after(room: Room, verb: Conference) -> None:
    """End the room for the others where the one who left, or who is left, asks so."""
    others = room.members
    alone = len(others) == 1 and not others[0].verb.stay_alone
    if verb.end_conference_on_exit or alone:
        for member in others:
            member.runner.line.put(Ended(NORMAL, "Plivo"))


def _tell(member: Member, name: str, event: str, action: str) -> None:
    verb, runner = member.verb, member.runner
    if verb.callback_url:
        own = {"ConferenceAction": action, **_own(member, name)}
        attributes = {**runner.engine.requests.standard(runner.call, event), **own}
        runner.tell(
            Ask(
                *(verb.callback_url, verb.callback_method, event, attributes),
                point="conference_callback",
                channel="conference",
            )
        )


def _own(member: Member, name: str) -> dict[str, str]:
    return {
        "ConferenceName": name,
        "ConferenceMemberID": str(member.number),
    }
