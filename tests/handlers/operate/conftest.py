"""What tests of the command share: the command, on the test's deployment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from masking.storage.stores import Stores
from masking.tenants import api_keys
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on


@pytest.fixture
def command(deployment: Deployment, aws: EmbeddedAws) -> Command:
    """Return the command for the test's deployment."""
    return command_on(deployment, aws)


@pytest.fixture
def acme(stores: Stores) -> str:
    """Return the name of a tenant that has a key."""
    api_keys.create(stores, "acme", ["sessions:read"], datetime.now(UTC))
    return "acme"
