"""What the tests of erasing share: a simulator whose clock stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plivo_simulator.server import Running, running
from tests.erasing.world import ErasingWorld
from tests.support.embedded_aws import EmbeddedAws


@pytest.fixture(scope="session")
def stopped_plivo() -> Iterator[Running]:
    """Give a simulator for all tests; each resets it."""
    with running(speed=0) as server:
        yield server


@pytest.fixture
def world(aws: EmbeddedAws, stopped_plivo: Running) -> ErasingWorld:
    """Give a world of its own."""
    made = ErasingWorld(aws, stopped_plivo)
    made.control("POST", "reset", {})
    return made
