"""Make a burst of requests wait for warm functions, because one machine has few cores.

The embedded AWS gives each request of a burst that finds no free process one of its
own, as AWS does. There, a hundred cold starts take as long as one. On two cores they
take a hundred times as long, and requests that come meanwhile start even more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

# Processes of one function that may work at a time before a request waits for one.
WIDTH = 4

# Seconds after which a request gets a process of its own all the same: those that work
# may be waiting for Plivo, or for this very request.
PATIENCE = 5.0

Acquire = Callable[..., tuple[Any, str]]
Release = Callable[[Any], None]


def limit_bursts(
    acquire: Acquire,
    release: Release,
    working: Callable[[str], int],
    *,
    width: int = WIDTH,
    patience: float = PATIENCE,
) -> tuple[Acquire, Release]:
    """Return *acquire* that waits while *width* of a function work, and its *release*.

    *acquire* lends a worker of the function that its first argument names, *release*
    takes that worker back, or None for one that was thrown away. *working* counts the
    workers of a function that are lent.
    """
    freed = threading.Condition()

    def acquire_worker(name: str, *rest: Any, **more: Any) -> tuple[Any, str]:
        until = time.monotonic() + patience
        with freed:
            while working(name) >= width and time.monotonic() < until:
                freed.wait(until - time.monotonic())
            return acquire(name, *rest, **more)

    def release_worker(worker: Any) -> None:
        with freed:
            release(worker)
            freed.notify_all()

    return acquire_worker, release_worker
