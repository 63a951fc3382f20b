"""Play calls of one session in the simulator, in steps of its clock; tell the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from masking.domain.callback_event import CallbackEvent
from plivo_simulator.account import AUTH_ID
from plivo_simulator.clock import Clock
from plivo_simulator.records import Call, Callback
from plivo_simulator.sessions import create_session, replace_number
from plivo_simulator.simulator import Simulator

FIRST = "+12025550100"
SECOND = "+12025550101"
STRANGER = "+12025550102"
PARTIES = {"first": FIRST, "second": SECOND}

URL = "https://masks.example.com/callbacks"

# Longer than any call of a test, in seconds.
LONGEST = 10_000


@dataclass(frozen=True)
class Told:
    """What the simulator told of a session and what was true; calls oldest first."""

    callbacks: tuple[Callback, ...]
    calls: tuple[Call, ...]
    virtual_number: str

    def events(self) -> list[CallbackEvent]:
        """Return the callbacks as the fold takes them."""
        return [
            CallbackEvent(digest_of(each), text_of(each.attributes))
            for each in self.callbacks
        ]

    def digests_of(self, call: Call) -> set[str]:
        """Return the callbacks of a call."""
        return {
            digest_of(each)
            for each in self.callbacks
            if each.call_uuid == call.call_uuid
        }


def digest_of(callback: Callback) -> str:
    """Return the name under which Maskline keeps a callback."""
    from masking.api import callback_requests

    return callback_requests.digest_of(list(text_of(callback.attributes).items()))


def text_of(attributes: Mapping[str, str | int]) -> dict[str, str]:
    """Return attributes as a form carries them."""
    return {name: str(value) for name, value in attributes.items()}


def play(
    plans: Sequence[Mapping[str, Any]],
    *,
    switches: Mapping[str, str],
    settings: Mapping[str, Any],
    offset: float = 0.0,
) -> Told:
    """Play calls one after the other.

    Each of *plans* is a script of the simulator's with `from`, and `gap`, the seconds
    that pass before it; `replace` gives the session another number first. *offset* is
    how far into a second the first begins.
    """
    return asyncio.run(_play(plans, switches, settings, offset))


async def _play(
    plans: Sequence[Mapping[str, Any]],
    switches: Mapping[str, str],
    settings: Mapping[str, Any],
    offset: float,
) -> Told:
    start = datetime(2026, 3, 1, 12, 0, 0, int(offset * 1_000_000), tzinfo=UTC)
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200))
    )
    clock = Clock(0, start)
    simulator = Simulator("http://127.0.0.1:1", clock=clock, client=client)
    simulator.switches.set(switches)
    await simulator.start()
    body = {
        "first_party": FIRST,
        "second_party": SECOND,
        "session_expiry": 86_400,
        "callback_url": URL,
        "recording_callback_url": URL,
        **settings,
    }
    session, _ = create_session(simulator, AUTH_ID, body)
    for plan in plans:
        await clock.advance(plan["gap"])
        if plan.get("replace"):
            replace_number(simulator, session)
        script = {k: v for k, v in plan.items() if k not in ("gap", "from", "replace")}
        caller = plan["from"].removeprefix("+")
        call = simulator.engine.place_call(caller, session.virtual_number, script)
        await clock.settle()
        for _ in range(LONGEST * 4):
            if call.over.is_set():
                break
            await clock.advance(0.25)
    number = f"+{session.virtual_number}"
    told = tuple(simulator.store.callbacks)
    calls = tuple(c for c in simulator.store.calls.values() if c.session_uuid)
    await simulator.close()
    return Told(told, calls, number)
