"""Make calls that the API asks for: two a second leave the queue, as at Plivo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..conversation import Action
from ..records import Call
from ..rules.model import CANCELLED, NORMAL, Leg
from .inputs import Ended
from .voice_call import Directions, Outgoing

if TYPE_CHECKING:
    from ..engine import Engine

SECONDS_BETWEEN = 0.5


@dataclass(frozen=True, slots=True)
class Order:
    """A request to make calls: one to each number of *to*, shown as *from_number*."""

    account: str
    from_number: str
    to: Sequence[str]
    directions: Directions
    outgoing: Outgoing
    caller_name: str = ""
    parent_call_uuid: str = ""


class CallDesk:
    """Queue, find, transfer and end calls for the API."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: dict[str, tuple[Call, Order]] = {}
        self._pumping = False

    def fire(self, order: Order) -> list[str]:
        """Queue the calls of *order*; return the UUID of each."""
        fired = []
        for number in order.to:
            engine = self._engine
            call = engine.new_call(order.account, number, order.from_number, "outbound")
            call.caller_name = order.caller_name
            call.parent_call_uuid = order.parent_call_uuid
            self._queue[call.call_uuid] = (call, order)
            fired.append(call.call_uuid)
        if not self._pumping:
            self._pumping = True
            self._engine.spawn(self._pump(), "queue of calls")
        return fired

    def queued(self, account: str) -> Iterator[Call]:
        """Return the calls of *account* that wait to be made."""
        return (c for c, order in self._queue.values() if order.account == account)

    def cancel(self, request_uuid: str) -> bool:
        """Take a call out of the queue; return whether it was there."""
        call, _ = self._queue.pop(request_uuid, (None, None))
        if call is None:
            return False
        self._engine.drop(call)
        return True

    def hang_up(self, leg_uuid: str) -> bool:
        """End the leg of that UUID; return whether it was up, or queued."""
        if self.cancel(leg_uuid):
            return True
        call, leg = self._engine.store.legs.get(leg_uuid, (None, None))
        if call is None or leg is None or not leg.is_up:
            return False
        if talk := self._engine.voice_call(call):
            cause = NORMAL if leg.answered_at else CANCELLED
            talk.end(leg_uuid, Ended(cause, "API Request"))
        else:
            action = Action("cut", Leg.CALLER, cause=NORMAL)
            self._engine.act(call.call_uuid, action)
        return True

    def transfer(
        self, leg_uuid: str, legs: str, urls: Mapping[str, tuple[str, str]]
    ) -> list[str] | None:
        """Send legs on to other documents; None when there is no such call.

        *legs* and *urls* name the addressed leg `aleg` and the one that it talks to
        `bleg`, whichever of them was dialed.
        """
        call, leg = self._engine.store.legs.get(leg_uuid, (None, None))
        talk = self._engine.voice_call(call) if call else None
        if talk is None or leg is None or not leg.is_up:
            return None
        if leg.leg is Leg.CALLEE:
            swapped = {"aleg": "bleg", "bleg": "aleg", "both": "both"}
            legs = swapped[legs]
            urls = {swapped[name]: url for name, url in urls.items()}
        return talk.transfer(legs, urls)

    def forget(self) -> None:
        """Clear the queue."""
        self._queue.clear()
        self._pumping = False

    async def _pump(self) -> None:
        while self._queue:
            call, order = self._queue.pop(next(iter(self._queue)))
            self._engine.make_call(call, order.directions, order.outgoing)
            await self._engine.clock.sleep(SECONDS_BETWEEN)
        self._pumping = False
