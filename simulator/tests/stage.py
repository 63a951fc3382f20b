"""Run a simulator in the test's own event loop, on a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

from plivo_simulator.account import AUTH_ID
from plivo_simulator.audio import pcm_of, wav
from plivo_simulator.clock import Clock
from plivo_simulator.conversation import Action
from plivo_simulator.records import Call, Callback
from plivo_simulator.rules.model import Leg, Session
from plivo_simulator.sessions import create_session
from plivo_simulator.simulator import Simulator

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALICE, BOB, STRANGER = "+12025550100", "+12025550101", "+12025550109"
CALLBACK_URL = "https://app.example/events"
RECORDING_URL = "https://app.example/recordings"
PROMPT = "https://audio.example/prompt.wav"
WRONG = "https://audio.example/wrong.wav"
GREETING = "https://audio.example/greeting.wav"
PIN_TERMS = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1111",
    "second_party_pin": "2222",
    "pin_prompt_play": PROMPT,
    "incorrect_pin_play": WRONG,
}

_SECONDS = {PROMPT: 2, WRONG: 1, GREETING: 3}

# How a URL answers that does more than give an answer.
Responder = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


@dataclass
class Stage:
    """The simulator, the requests it sent, and shorthands for tests."""

    simulator: Simulator
    sent: list[httpx.Request] = field(default_factory=list)
    answers: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    turns: dict[str, list[httpx.Response | Exception]] = field(default_factory=dict)
    responders: dict[str, Responder] = field(default_factory=dict)

    def create(self, **body: Any) -> Session:
        """Create a session between Alice and Bob, unless *body* says otherwise."""
        parties = {"first_party": ALICE, "second_party": BOB}
        urls = {"callback_url": CALLBACK_URL, "recording_callback_url": RECORDING_URL}
        session, _ = create_session(
            self.simulator, AUTH_ID, {**parties, **urls, **body}
        )
        return session

    def call(self, caller: str, session: Session, **script: Any) -> Call:
        """Place a call from *caller* to the session's number."""
        caller = caller.removeprefix("+")
        number = session.virtual_number
        return self.simulator.engine.place_call(caller, number, script)

    def act(self, call: Call, what: str, leg: Leg, digits: str = "") -> None:
        """Act as a person."""
        self.simulator.engine.act(call.call_uuid, Action(what, leg, digits))

    async def pass_time(self, seconds: float) -> None:
        """Advance simulated time and run everything due by then."""
        await self.simulator.clock.advance(seconds)

    async def whole_call(self, caller: str, session: Session, **script: Any) -> Call:
        """Place a call from *caller* and advance the clock past its end."""
        call = self.call(caller, session, **script)
        await self.pass_time(20_000)
        assert call.ended_at is not None
        return call

    @property
    def callbacks(self) -> list[Callback]:
        """Return every callback so far."""
        return self.simulator.store.callbacks

    def events(self, *without: str) -> list[str]:
        """Return the names of the events so far, except those in *without*."""
        return [c.event for c in self.callbacks if c.event not in without]

    def attributes_of(self, event: str) -> dict[str, str | int]:
        """Return the attributes of the one callback about *event*."""
        (callback,) = [c for c in self.callbacks if c.event == event]
        return callback.attributes

    def form(self, request: httpx.Request) -> dict[str, str]:
        """Return the decoded form of a request."""
        text = request.content.decode()
        return dict(parse_qsl(text, keep_blank_values=True))

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer for the outside world: audio, a responder, *turns*, *answers*, 200.

        Of its turns a URL, without its query, gives each once and the last for ever.
        An answer that is an exception is raised.
        """
        url = str(request.url)
        if url in _SECONDS:
            return httpx.Response(200, content=wav(pcm_of(url, _SECONDS[url] * 1000)))
        self.sent.append(request)
        plain = url.partition("?")[0]
        if responder := self.responders.get(plain):
            said = responder(request)
            return said if isinstance(said, httpx.Response) else await said
        if turns := self.turns.get(plain):
            answer = turns.pop(0) if len(turns) > 1 else turns[0]
        else:
            answer = self.answers.get(url, httpx.Response(200))
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Run a simulator whose clock stands at noon."""
    stage: Stage

    async def respond(request: httpx.Request) -> httpx.Response:
        return await stage.respond(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    clock = Clock(speed=0, start=NOON)
    simulator = Simulator("http://plivo.local", clock=clock, client=client)
    stage = Stage(simulator)
    await simulator.start()
    try:
        yield stage
    finally:
        await simulator.close()
