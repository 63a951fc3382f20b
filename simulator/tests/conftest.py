"""Two ways to run the simulator in tests: in this loop on a stepped clock, or served.

`stage` is for behaviour in time: nothing moves until the test says so, and callbacks
end in a list. `served` is for the wire: a real server on a free port, twenty times as
fast as life.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import hypothesis
import pytest

from plivo_simulator.server import Running, running

from .listening import Listener, listening
from .staging import Stage, staged

# A busy machine must not fail a property by its speed.
hypothesis.settings.register_profile("simulator", deadline=None)
hypothesis.settings.load_profile("simulator")


@pytest.fixture(name="anyio_backend")
def _anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(name="stage")
async def _stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


@pytest.fixture(name="server", scope="session")
def _server() -> Iterator[Running]:
    with running(speed=20) as server:
        yield server


@pytest.fixture(name="client", scope="session")
def _client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.origin, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture(name="served")
def _served(client: httpx.Client) -> httpx.Client:
    client.post("/_sim/reset").raise_for_status()
    return client


@pytest.fixture(name="listener", scope="session")
def _listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture(name="heard")
def _heard(listener: Listener) -> Listener:
    listener.forget()
    return listener
