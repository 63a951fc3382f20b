"""Make a burst of requests wait for warm functions, because one machine has few cores.

The embedded AWS gives each request of a burst that finds no free process one of its
own, as AWS does. There, a hundred cold starts take as long as one. On two cores they
take a hundred times as long, and requests that come meanwhile start even more. What has
come in waits, however long it takes: requests that would wait too long are not let in
(`stack.aws.admission`), and queues and streams have time.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

# Processes of one function that may work at a time before a request waits for one.
WIDTH = 4

# Seconds after which a request gets a process of its own all the same: those that work
# may be waiting for Plivo, or for this very request.
PATIENCE = 5.0

# Processes of all functions together that may work at a time, whoever waits: as AWS has
# a limit for an account. Each takes some 50 MB.
MOST = 48

Acquire = Callable[..., tuple[Any, str]]
Release = Callable[[Any], None]


def limit_bursts(
    acquire: Acquire,
    release: Release,
    working: Callable[[], Counter[str]],
    *,
    width: int = WIDTH,
    patience: float = PATIENCE,
    most: int = MOST,
) -> tuple[Acquire, Release]:
    """Return *acquire* that waits while *width* of a function work, and its *release*.

    After *patience* it waits no longer for those, but while *most* of all work.

    *acquire* lends a worker of the function that its first argument names, *release*
    takes that worker back, or None for one that was thrown away. *working* counts the
    workers that are lent by their functions.
    """
    freed = threading.Condition()

    def acquire_worker(name: str, *rest: Any, **more: Any) -> tuple[Any, str]:
        until = time.monotonic() + patience
        with freed:
            while (lent := working()).get(name, 0) >= width or lent.total() >= most:
                left = until - time.monotonic()
                if left <= 0 and lent.total() < most:
                    break
                freed.wait(left if left > 0 else None)
            return acquire(name, *rest, **more)

    def release_worker(worker: Any) -> None:
        with freed:
            release(worker)
            freed.notify_all()

    return acquire_worker, release_worker
