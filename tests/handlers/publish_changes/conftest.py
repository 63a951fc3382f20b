"""Fixtures of this function's tests: the services that its handler uses."""

from __future__ import annotations

import pytest

from masking import wiring
from masking.wiring import Services
from tests.support.embedded_aws import Deployment


@pytest.fixture
def services(deployment: Deployment) -> Services:
    """Return the services of this process, of which a test may replace a part."""
    assert deployment.environment
    return wiring.services()
