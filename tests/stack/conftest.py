"""Stacks for the tests of this folder.

`stack` is one for all that run at the same time, in however many processes: its tests
have tenants, sessions and phone numbers of their own. `lone_stack` is this process's
alone, so that a test may reset its simulator, kill its functions and count what all do;
a file that needs that says so by a fixture `stack` of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack
from tests.support.shared_stack import shared_stack
from tests.support.stack_api import api_client, simulator_client


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Use the stack that the processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    # The folder of a process of pytest-xdist is in that of the run.
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with shared_stack(folder / "shared-stack") as running:
        yield running


@pytest.fixture(scope="session")
def lone_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Use a stack that no other process uses."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("lone-stack")) as started:
        yield started.running


@pytest.fixture
def api(stack: RunningStack) -> Iterator[httpx.Client]:
    """Return a client of the API with a key for everything."""
    with api_client(stack) as client:
        yield client


@pytest.fixture
def simulator(lone_stack: RunningStack) -> Iterator[httpx.Client]:
    """Return a client of the lone stack's simulator, in which nothing has happened."""
    with simulator_client(lone_stack) as client:
        client.post("/_sim/reset", json={}).raise_for_status()
        yield client
