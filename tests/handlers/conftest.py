"""Fixtures of the flow of a create, with a clock of the test's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Carrier
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.simulated_plivo import SimulatedPlivo


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> CreateSession:
    """Give the flow as a function has it, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).create_session


@pytest.fixture
def hasty(plivo: SimulatedPlivo, flow: CreateSession) -> CreateSession:
    """Give the flow with a carrier that waits a second and a half only."""
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=plivo.origin,
        timeout=(1.5, 1.5),
    )
    return replace(flow, carrier=carrier)
