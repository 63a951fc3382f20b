"""A local stack for the tests of this folder: started once, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack


@pytest.fixture(name="stack", scope="session")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with Stack(free_addresses(), tmp_path_factory.mktemp("stack")) as stack:
        yield stack.running
