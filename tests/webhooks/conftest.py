"""A local stack for the tests of this folder: started once, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.addresses import free_addresses
from local.running import RunningStack
from local.stack import Stack


@pytest.fixture(name="stack", scope="session")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with Stack(free_addresses(), tmp_path_factory.mktemp("webhooks")) as stack:
        yield stack.running
