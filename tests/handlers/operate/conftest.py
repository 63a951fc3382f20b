"""What tests of the command share: the command, on the test's deployment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ending.world import World, running_world
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on


@pytest.fixture
def command(deployment: Deployment, aws: EmbeddedAws) -> Command:
    """Return the command for the test's deployment."""
    return command_on(deployment, aws)


@pytest.fixture
def world(aws: EmbeddedAws) -> Iterator[World]:
    """Return a world of its own, whose time is moved by hand."""
    with running_world(aws) as made:
        yield made
