"""Fixtures of this function's tests: its handler's services, and what publishes."""

from __future__ import annotations

from typing import Any

import pytest

from functions.publish_changes import app as publish_changes
from masking import wiring
from masking.wiring import Services
from tests.support.embedded_aws import Deployment
from tests.support.publishing import Publish
from tests.support.table_stream import TableStream


@pytest.fixture
def services(deployment: Deployment) -> Services:
    """Return the services of this process, of which a test may replace a part."""
    assert deployment.environment
    return wiring.services()


@pytest.fixture
def publish_new(stream: TableStream, deployment: Deployment) -> Publish:
    """Return what publishes all that is new and returns the events that came out."""

    def run(expected: int = 1) -> list[dict[str, Any]]:
        answer = publish_changes.lambda_handler({"Records": stream.new()}, None)
        assert answer == {"batchItemFailures": []}
        return deployment.bus.events(expected)

    return run
