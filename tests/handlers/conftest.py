"""Fixtures of the handlers' tests: services with the clock of the test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from masking.core.settings import Settings
from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Carrier
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.simulated_plivo import SimulatedPlivo


@pytest.fixture
def services(deployment: Deployment, clock: Clock) -> Services:
    """Return the services of the deployment, with a clock of the test's."""
    return Services(Settings(dict(deployment.environment)), now=clock)


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo) -> CreateSession:
    """Return what creates sessions, with a clock of the test's."""
    assert plivo.sessions() == []
    return services.create_session


@pytest.fixture
def hasty(plivo: SimulatedPlivo, flow: CreateSession) -> CreateSession:
    """Return what creates sessions, with a carrier that waits 1.5 seconds only."""
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=plivo.origin,
        timeout=(1.5, 1.5),
    )
    return replace(flow, carrier=carrier)
