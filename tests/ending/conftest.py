"""What the tests of endings share: a world whose time is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ending.world import World, running_world
from tests.support.embedded_aws import EmbeddedAws


@pytest.fixture
def world(aws: EmbeddedAws) -> Iterator[World]:
    """Give a world of its own."""
    with running_world(aws) as made:
        yield made
