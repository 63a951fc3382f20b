"""One local stack for the tests of the API as it is deployed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Give a running stack."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("stack")) as running:
        yield running.running


@pytest.fixture
def api(stack: RunningStack) -> Iterator[httpx.Client]:
    """Give a client of the API with a key for everything."""
    with httpx.Client(
        base_url=stack.addresses.api_url,
        headers={"authorization": f"Bearer {stack.api_key}"},
        timeout=40,
        trust_env=False,
    ) as client:
        yield client


@pytest.fixture
def simulator(stack: RunningStack) -> Iterator[httpx.Client]:
    """Give a client of the simulator, in which nothing has happened yet."""
    with httpx.Client(
        base_url=stack.addresses.plivo_url, timeout=40, trust_env=False
    ) as client:
        client.post("/_sim/reset", json={}).raise_for_status()
        yield client
