"""Keep within a number of requests per second.

Plivo lets an account make 300 requests in 5 s (plivo-contract 1.8), and the requests
of apps come first: the reconciler gets a part of it. Its threads share one limit.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from masking.core.errors import OutOfTimeError

# The span over which Plivo counts.
WINDOW_SECONDS = 5.0

# A request is sent only while its function has so many seconds left: what it may take,
# and what follows it.
ASK_SECONDS = 20.0


class RateLimit:
    """At most *per_second* requests on average, and no more than a window's at once.

    *seconds_left* is what the function has left.
    """

    def __init__(
        self,
        per_second: float,
        *,
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._per_second = per_second
        self._ticks = ticks
        self._sleep = sleep
        self._seconds_left = seconds_left
        self._most = max(1.0, per_second * WINDOW_SECONDS / 2)
        self._left = self._most
        self._seen = ticks()
        self._lock = threading.Lock()
        self.requests = 0

    def wait(self) -> None:
        """Wait until another request fits, and count it; threads take their turns.

        Raises OutOfTimeError if the function ends too soon for another.
        """
        pause = self._reserve()
        if pause:
            self._sleep(pause)

    def _reserve(self) -> float:
        """Take the next place; return in how many seconds its turn comes."""
        with self._lock:
            now = self._ticks()
            grown = self._left + (now - self._seen) * self._per_second
            self._left, self._seen = min(self._most, grown), now
            pause = max(0.0, (1 - self._left) / self._per_second)
            if self._seconds_left() - pause < ASK_SECONDS:
                raise OutOfTimeError
            self._left -= 1
            self.requests += 1
            return pause
