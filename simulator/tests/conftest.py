"""Run the simulator for tests: in this loop on a stepped clock, or served.

`stage` is for behavior in time: nothing moves until the test advances the clock, and
callbacks end in a list. `served` is for the wire: a real server on a free port, twenty
times as fast as real time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import hypothesis
import plivo
import pytest
from plivo.rest import client as rest_client

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN
from plivo_simulator.server import Running, running

from .callback_receiver import CallbackReceiver, receiving_callbacks
from .stage import Stage, staged

SDK_ADDRESSES = (
    "PLIVO_API_BASE_URI",
    "API_VOICE_BASE_URI",
    "API_VOICE_BASE_URI_FALLBACK_1",
    "API_VOICE_BASE_URI_FALLBACK_2",
)

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


@pytest.fixture(name="callback_server", scope="session")
def _callback_server() -> Iterator[CallbackReceiver]:
    with receiving_callbacks() as receiver:
        yield receiver


@pytest.fixture(name="receiver")
def _receiver(callback_server: CallbackReceiver) -> CallbackReceiver:
    callback_server.reset()
    return callback_server


@pytest.fixture(name="sdk")
def _sdk(served: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    origin = str(served.base_url).rstrip("/")
    for name in SDK_ADDRESSES:
        monkeypatch.setattr(rest_client, name, f"{origin}/v1/Account")
    client = plivo.RestClient(AUTH_ID, AUTH_TOKEN, timeout=5)
    yield client
    client.session.close()
