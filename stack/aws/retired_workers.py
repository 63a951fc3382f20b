"""Let a function that is updated finish what it does, as Lambda does.

ministack ends all processes of a function's code when that is updated, those that are
in the middle of a request too, which then fails. Here they take no more requests and
are ended once they are done, or after as long as the HTTP API waits for a function.
Published versions are left alone by ministack as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

LATEST = "$LATEST"
PATIENCE = 30.0
POLL_SECONDS = 0.05

Invalidate = Callable[..., None]


def retired(
    invalidate: Invalidate,
    take_busy: Callable[[str], Sequence[Any]],
    end: Callable[[Sequence[Any]], None],
    patience: float = PATIENCE,
) -> Invalidate:
    """Return *invalidate*, which ends workers of a function, but for those that work.

    *take_busy* takes the working ones of the function's own code out of the pool and
    returns them, *end* ends workers.
    """

    def wait_and_end(workers: Sequence[Any]) -> None:
        until = time.monotonic() + patience
        while any(each.in_use for each in workers) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        end(workers)

    def invalidate_worker(
        name: str, qualifier: str | None = None, **scope: Any
    ) -> None:
        busy = take_busy(name) if qualifier == LATEST else []
        invalidate(name, qualifier=qualifier, **scope)
        if busy:
            threading.Thread(target=wait_and_end, args=(busy,), daemon=True).start()

    return invalidate_worker
