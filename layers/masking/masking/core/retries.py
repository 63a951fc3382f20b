"""Try a conditional write again that somebody else was faster with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from masking.core.errors import StaleStateError

T = TypeVar("T")

MOST_TRIES = 5


def retry_stale(read_and_write: Callable[[], T]) -> T:
    """Call *read_and_write* until nobody comes in between; return what it returns.

    It must read anew each time. Raises StaleStateError after five tries.
    """
    for _ in range(MOST_TRIES - 1):
        with suppress(StaleStateError):
            return read_and_write()
    return read_and_write()
