"""Assemble what sends and takes messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx

from ..clock import Clock
from ..faults import Faults
from ..records import Callback
from ..store import Store
from ..switches import Switches
from .inbound import Inbound, Incoming
from .journal import Journal
from .media_files import MediaFiles
from .opt_outs import OptOuts
from .orders import Order
from .outbound import Outbound
from .records import Message
from .webhooks import MESSAGE, STATUS, Webhooks

LIST_REQUESTS = 20
LIST_SECONDS = 60.0


class Exchange:
    """Everything about messages. *origin* is the simulator's own address."""

    def __init__(
        self,
        *,
        origin: str,
        client: httpx.AsyncClient,
        clock: Clock,
        store: Store,
        switches: Switches,
        faults: Faults,
        announce: Callable[[Message], None],
        announce_callback: Callable[[str, Callback], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._lists: list[float] = []
        self.webhooks = Webhooks(
            client, store, switches, faults, clock, announce_callback
        )
        self.media = MediaFiles(client, store, clock, switches)
        opt_outs = OptOuts(store, switches)
        journal = Journal(store, clock, faults, announce)
        self._outbound = Outbound(
            journal, switches, self.webhooks, self.media, opt_outs, self._arrived
        )
        self._inbound = Inbound(
            journal, switches, self.webhooks, opt_outs, self.send, origin
        )

    def send(self, order: Order, hops: int = 0) -> list[Message]:
        """Take *order*; return a message for each destination, still queued.

        Raise BadParameterError for one that can't be sent and is refused for that.
        """
        return self._outbound.send(order, hops)

    def take(self, incoming: Incoming) -> Message:
        """Take what a person writes to a rented number."""
        return self._inbound.take(incoming)

    def is_over_list_rate(self) -> bool:
        """Count a request to list messages; return whether it is one too many.

        The account has 20 in a minute of the simulator's clock.
        """
        now = self._clock.now().timestamp()
        self._lists = [at for at in self._lists if at > now - LIST_SECONDS]
        if len(self._lists) >= LIST_REQUESTS:
            return True
        self._lists.append(now)
        return False

    def resume(self, callbacks: Iterable[Callback]) -> None:
        """Go on with what was on its way when the simulator ended."""
        for callback in callbacks:
            self.webhooks.resume(callback, self._ended)
        self._outbound.resume()

    def forget(self) -> None:
        """Cancel what is on its way and clear the queues."""
        self.webhooks.forget()
        self._outbound.forget()
        self._lists.clear()

    def _ended(self, callback: Callback, answer: httpx.Response | None) -> None:
        if callback.channel == MESSAGE:
            self._inbound.ended(callback, answer)

    def _arrived(self, message: Message) -> None:
        """Take a message that arrived at a rented number as any other one."""
        number = self._store.numbers.get(message.to_number)
        able = number and (number.rented.mms if message.media else number.rented.sms)
        if not able:
            return
        incoming = Incoming(
            phone=message.from_number,
            number=message.to_number,
            text=message.text,
            media=[self._store.media[media_id] for media_id in message.media],
            hops=message.hops + 1,
        )
        self.take(incoming)


def is_of_messages(callback: Callback) -> bool:
    """Return whether *callback* is delivered as requests about messages are."""
    return callback.channel in (MESSAGE, STATUS)
