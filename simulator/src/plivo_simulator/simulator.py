"""Assemble the simulator: one object that holds its parts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from . import views
from .answer_urls import AnswerUrls
from .broadcast import Broadcast
from .callbacks import Courier, callback_client
from .clock import Clock
from .engine import Engine
from .faults import Faults
from .messages.exchange import Exchange
from .messages.orders import read_order
from .messages.records import Message
from .messages.views import message_view
from .prompts import Prompts
from .records import Call, Callback
from .reports import Reporter
from .rules.model import Session
from .sessions import expire_due_sessions
from .store import Store
from .switches import Switches
from .voice.call_desk import CallDesk

RATE_REQUESTS = 300
RATE_SECONDS = 5.0


@dataclass
class Simulator:
    """The whole simulator. *origin* is its own address, such as http://127.0.0.1:8001.

    Build it anywhere; call `start` and `close` in the event loop that serves it.
    """

    origin: str
    clock: Clock = field(default_factory=Clock)
    store: Store = field(default_factory=Store)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
    broadcast: Broadcast = field(default_factory=Broadcast)
    client: httpx.AsyncClient = field(default_factory=callback_client)

    def __post_init__(self) -> None:
        # It logs URLs, and those of GET requests hold people's numbers and texts.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self.expiries_moved = asyncio.Event()
        self.stopping = asyncio.Event()
        self._requests: dict[str, deque[float]] = defaultdict(deque)
        self.reporter = Reporter(self.store, self.switches, self.clock, self.origin)
        self.prompts = Prompts(self.client)
        self.answer_urls = AnswerUrls(
            self.client,
            self.store,
            self.switches,
            self.faults,
            self.clock,
            self._callback_changed,
        )
        self.courier = Courier(
            self.client,
            self.store,
            self.switches,
            self.faults,
            self.clock,
            self._callback_changed,
        )
        self.exchange = Exchange(
            origin=self.origin,
            client=self.client,
            clock=self.clock,
            store=self.store,
            switches=self.switches,
            faults=self.faults,
            announce=self._message_changed,
            announce_callback=self._callback_changed,
        )
        self.engine = Engine(
            clock=self.clock,
            store=self.store,
            faults=self.faults,
            courier=self.courier,
            reporter=self.reporter,
            prompts=self.prompts,
            answer_urls=self.answer_urls,
            send_message=self._send_message,
            announce=self._call_changed,
        )

        self.call_desk = CallDesk(self.engine)

    async def start(self) -> None:
        """Begin to watch for sessions that expire."""
        self.clock.run(self._watch_expiries(), "expiries")

    def stop(self) -> None:
        """End the requests that are held open: slow answers and event streams."""
        self.stopping.set()
        self.broadcast.close()

    async def close(self) -> None:
        """End all background work and close all connections."""
        await self.clock.close()
        await self.client.aclose()

    def reset(self, seed: int = 0) -> None:
        """Forget everything that happened and every setting but the clock's."""
        self._requests.clear()
        self.engine.forget()
        self.call_desk.forget()
        self.courier.forget()
        self.exchange.forget()
        self.answer_urls.forget()
        self.prompts.forget()
        self.store.reset()
        self.switches.reset()
        self.faults.reset(seed)
        self.expiries_moved.set()
        self.broadcast.tell("reset", dict)

    def is_over_rate(self, account: str) -> bool:
        """Count a request; return whether the account has used its rate up."""
        if not self.switches.is_on("rate_limit"):
            return False
        recent, now = self._requests[account], time.monotonic()
        while recent and recent[0] <= now - RATE_SECONDS:
            recent.popleft()
        if len(recent) >= RATE_REQUESTS:
            return True
        recent.append(now)
        return False

    def session_changed(self, session: Session) -> None:
        """Send listeners the changed *session*."""
        self.broadcast.tell("session", lambda: views.session_view(self, session))

    def _call_changed(self, kind: str, call: Call) -> None:
        if call.call_uuid not in self.store.calls:
            return  # A reset has broken it off and forgotten it.
        self.broadcast.tell(kind, lambda: views.call_view(self, call))
        if call.session_uuid in self.store.sessions:
            self.session_changed(self.store.sessions[call.session_uuid])

    def _send_message(self, account: str, body: Mapping[str, Any]) -> list[str]:
        """Send what a document of a call asks for; return the messages' UUIDs."""
        now = self.clock.now()
        order = read_order(self.store, self.switches, account, body, now)
        return [message.message_uuid for message in self.exchange.send(order)]

    def _message_changed(self, message: Message) -> None:
        self.broadcast.tell("message", lambda: message_view(self, message))

    def _callback_changed(self, kind: str, callback: Callback) -> None:
        self.broadcast.tell(kind, lambda: views.callback_view(callback))

    async def _watch_expiries(self) -> None:
        while True:
            due = self.store.next_expiry()
            left = (due - self.clock.now()).total_seconds() if due else None
            self.expiries_moved.clear()
            if not await self.clock.wait_for(self.expiries_moved, left):
                expire_due_sessions(self)
