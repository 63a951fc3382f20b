"""Send messages: take, queue, block, deliver and report them.

Accounts send five texts and a quarter of a message with media in a second; the rest
waits. A message is sent when its turn comes, and what it meets then decides: it is too
old, its receiver has said STOP, its media is gone, its carrier refuses it. Everything
takes simulated time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from ..account import country_of
from ..parameters import BadParameterError
from ..records import Callback
from ..switches import Switches
from .documents import status_attributes
from .journal import Journal
from .media_files import MediaError, MediaFiles
from .opt_outs import OptOuts
from .orders import Flaw, Order, flaw_of, sender_of
from .prices import price_of
from .records import OUTBOUND, Message
from .segments import encode
from .webhooks import STATUS, Webhooks

# Seconds between two messages of an account: 5 texts/s, 0.25 with media.
PACE = {"sms": 0.2, "mms": 4.0}
TRANSIT_SECONDS = 1.0
MAX_HOPS = 10
BLOCKED, EXPIRED, LOOP, NOT_DISPATCHED = "200", "420", "60", "300"
# Made up: the networks of the simulator's phones, country and network code joined.
_NETWORKS = {"US": "310999", "CA": "302999", "GB": "234999", "IN": "404999"}


class Outbound:
    """The way of messages from the account to a phone."""

    def __init__(
        self,
        journal: Journal,
        switches: Switches,
        webhooks: Webhooks,
        media: MediaFiles,
        opt_outs: OptOuts,
        arrived: Callable[[Message], None],
    ) -> None:
        self._journal = journal
        self._store = journal.store
        self._clock = journal.clock
        self._switches = switches
        self._webhooks = webhooks
        self._media = media
        self._opt_outs = opt_outs
        self._arrived = arrived
        self._free: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, order: Order, hops: int = 0) -> list[Message]:
        """Take *order*; return a message for each destination, still queued.

        *hops* counts the messages between own numbers that led to it. Raise
        BadParameterError for an order that the switch `doomed_message` has refused.
        """
        powerpack = self._store.powerpacks.get(order.powerpack_uuid)
        messages = []
        for destination in order.destinations:
            src = sender_of(powerpack, order.src, destination)
            message = self._new(order, src, destination)
            message.hops = hops
            flaw = self._flaw(message)
            if flaw and self._switches["doomed_message"] == "refused":
                raise BadParameterError(flaw.text)
            messages.append(message)
        for message in messages:
            self._journal.keep(message)
            self._start(message)
        return messages

    def resume(self) -> None:
        """Go on with the messages that were on their way when the simulator ended."""
        for message in self._store.messages.values():
            if message.direction == OUTBOUND and not message.is_over:
                self._start(message)

    def forget(self) -> None:
        """Cancel what is on its way and clear the queues."""
        for task in self._tasks:
            task.cancel()
        self._free.clear()

    def _start(self, message: Message) -> None:
        work = self._carry(message)
        task = self._clock.run(work, f"message {message.message_uuid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, message: Message) -> None:
        """Bring a message to its phone, or to its failure."""
        if message.state == "queued":
            if not message.sequence:
                self._report(message, "queued")
            flaw = self._flaw(message)
            code = flaw.code if flaw else await self._dispatch(message)
            if code:
                self._end(message, "failed", code)
                return
            message.sent_at = self._clock.now()
            self._journal.change(message, "sent")
            self._report(message, "sent")
        await self._clock.sleep(TRANSIT_SECONDS)
        if fault := self._journal.draw(message, "message_arrival"):
            self._end(message, "undelivered", f"{fault.parameters['code']:.0f}")
            return
        message.arrived_at = self._clock.now()
        if self._switches.is_on("delivery_reports"):
            self._end(message, "delivered", "000")
        else:
            self._journal.note(message, "arrived")
        self._arrived(message)

    async def _dispatch(self, message: Message) -> str:
        """Wait for the message's turn; return the error code it fails with, or ""."""
        now = self._clock.now()
        turn = max(now, self._free.get(message.kind, now))
        deadline = message.created_at + timedelta(seconds=message.expiry)
        if turn > deadline:
            await self._clock.sleep((deadline - now).total_seconds())
            return EXPIRED
        self._free[message.kind] = turn + timedelta(seconds=PACE[message.kind])
        await self._clock.sleep((turn - now).total_seconds())
        if self._opt_outs.blocks(message.number, message.phone, self._clock.now()):
            return BLOCKED
        if message.hops > MAX_HOPS:
            return LOOP
        try:
            await self._media.attach(message)
        except MediaError as problem:
            self._journal.note(message, "media failed", problem=str(problem))
            return NOT_DISPATCHED
        fault = self._journal.draw(message, "message_dispatch")
        return f"{fault.parameters['code']:.0f}" if fault else ""

    def _end(self, message: Message, state: str, code: str) -> None:
        message.error_code = code
        if state != "failed":
            message.reported_at = self._clock.now()
        self._journal.change(message, state)
        self._report(message, state)

    def _flaw(self, message: Message) -> Flaw | None:
        number = self._store.numbers.get(message.from_number)
        return flaw_of(
            number,
            message.account,
            message.to_number,
            message.kind,
            encode(message.text),
        )

    def _report(self, message: Message, status: str) -> None:
        if not message.url:
            return
        message.sequence += 1
        network = _NETWORKS.get(country_of(message.phone) or "", "")
        attributes = status_attributes(message, status, network)
        address = (message.url, message.method)
        event = f"Message{status.title()}"
        callback = self._journal.callback(message, STATUS, event, address, attributes)
        self._webhooks.post(callback, _ignore)

    def _new(self, order: Order, src: str, destination: str) -> Message:
        price = price_of(country_of(destination), order.kind)
        segments = encode(order.text).segments
        return self._journal.new_message(
            account=order.account,
            direction=OUTBOUND,
            from_number=src,
            to_number=destination,
            kind=order.kind,
            text=order.text,
            units=segments if order.kind == "sms" else 1,
            rate=str(price.outbound),
            surcharge=str(price.surcharge),
            state="queued",
            powerpack_uuid=order.powerpack_uuid,
            media=list(order.media_ids),
            media_urls=list(order.media_urls),
            url=order.url,
            method=order.method,
            log=order.log,
            expiry=order.expiry,
            requester_ip=order.requester_ip,
        )


def _ignore(_callback: Callback, _answer: httpx.Response | None) -> None:
    """Do nothing: what is answered to a status means nothing to Plivo."""
