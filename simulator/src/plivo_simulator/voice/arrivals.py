"""Count the calls that come in: Plivo rejects those beyond ten in a second."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from ..clock import Clock

CALLS_A_SECOND = 10


class Arrivals:
    """The calls of the last second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recent: deque[datetime] = deque()

    def is_too_many(self, limit: str, *, goes_to_application: bool) -> bool:
        """Count a call; return whether it is rejected (486), as *limit* has it.

        *limit* is the switch `inbound_limit`: `off`, `applications` or `all_calls`.
        """
        if limit == "off" or (limit == "applications" and not goes_to_application):
            return False
        now = self._clock.now()
        while self._recent and self._recent[0] <= now - timedelta(seconds=1):
            self._recent.popleft()
        if len(self._recent) >= CALLS_A_SECOND:
            return True
        self._recent.append(now)
        return False

    def forget(self) -> None:
        """Clear the count."""
        self._recent.clear()
