"""What tests of the command share: the command, on the test's deployment."""

from __future__ import annotations

import pytest

from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on


@pytest.fixture
def command(deployment: Deployment, aws: EmbeddedAws) -> Command:
    """Return the command for the test's deployment."""
    return command_on(deployment, aws)
