"""Lead a dialed number of the account back into the application that it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..conversation import Action
from ..rules.model import NORMAL, RING_TIMEOUT, Cause, Leg
from .inputs import Left, PickedUp, Refused

if TYPE_CHECKING:
    from ..engine import Engine
    from ..records import Call
    from .line import Line


class Link:
    """A leg whose other end is no phone but another call of the account."""

    def __init__(self, engine: Engine, line: Line, number: str, first: Call) -> None:
        self._engine = engine
        self._line = line
        # Whoever is at this end decides when it is over.
        script = {"manual_caller": True, "caller_name": line.record.caller_name}
        shown = line.record.caller_id
        self._call = engine.place_call(shown, number, script, led_by=line.call)
        self._call.came_of = first.call_uuid
        self._watches: list[asyncio.Task[None]] = []

    async def ring(self, seconds: float | None) -> Cause | None:
        """Wait until the other call is answered or over; return why it wasn't."""
        self._line.hears("ringing", self._line.record.caller_id)
        leg, clock = self._call.legs[Leg.CALLER], self._engine.clock

        async def answered() -> None:
            await clock.wait_for(leg.up, None)
            self._line.put(PickedUp())

        async def over() -> None:
            await clock.wait_for(self._call.over, None)
            item = Left() if self._line.is_answered else Refused(leg.cause or NORMAL)
            self._line.put(item)

        for work in (answered(), over()):
            self._watches.append(
                self._engine.spawn(work, f"link to {self._call.call_uuid}")
            )
        item = await self._line.until(PickedUp, Refused, seconds=seconds)
        if item is None:
            return RING_TIMEOUT
        return item.cause if isinstance(item, Refused) else None

    def press(self, key: str) -> None:
        """Pass a key on to the other call."""
        if self._call.ended_at is None:
            action = Action("key", Leg.CALLER, key)
            self._engine.act(self._call.call_uuid, action)

    def end(self) -> None:
        """Hang up on the other call."""
        for watch in self._watches:
            watch.cancel()
        if self._call.ended_at is None:
            self._engine.act(self._call.call_uuid, Action("hangup", Leg.CALLER))
