"""Keep within a number of requests per second.

Plivo lets an account make 300 requests in 5 s (plivo-contract 1.8), and the requests
of apps come first: the reconciler gets a part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# The span over which Plivo counts.
WINDOW_SECONDS = 5.0


class RateLimit:
    """At most *per_second* requests on average, and no more than a window's at once."""

    def __init__(
        self,
        per_second: float,
        *,
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._ticks = ticks
        self._sleep = sleep
        self._most = max(1.0, per_second * WINDOW_SECONDS / 2)
        self._left = self._most
        self._seen = ticks()
        self.requests = 0

    def wait(self) -> None:
        """Wait until another request fits, and count it."""
        now = self._ticks()
        grown = self._left + (now - self._seen) * self._per_second
        self._left, self._seen = min(self._most, grown), now
        if self._left < 1:
            self._sleep((1 - self._left) / self._per_second)
        self._left -= 1
        self.requests += 1
