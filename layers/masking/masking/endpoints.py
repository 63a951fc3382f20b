"""How the servers of apps fare, so that a dead one delays nobody else.

One that has failed five times in a row is left alone for a while, longer each time. How
often it failed in a row is known to each worker for itself; that it is left alone is
written down for all. So an attempt costs no write here unless it is the fifth failure
or the first success after.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking import deliveries
from masking.items import moment, stamp

if TYPE_CHECKING:
    from masking.table import Table
    from masking.wiring import Clock

# Requests to one endpoint at once, in one worker. The template caps the workers.
AT_ONCE = 5

# For how long what the table says of an endpoint is taken to be so.
FRESH = timedelta(seconds=1)


@dataclass(frozen=True)
class Rest:
    """For how long an endpoint is left alone, and how often it has been by now."""

    until: datetime
    pauses: int


@dataclass
class Endpoints:
    """What a worker knows of endpoints, each named by its key in the table."""

    table: Table
    now: Clock
    _failures: Counter[str] = field(default_factory=Counter)
    _rests: dict[str, tuple[datetime, Rest | None]] = field(default_factory=dict)
    _turns: dict[str, threading.Semaphore] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, endpoint: str) -> threading.Semaphore:
        """Give what must be held while a request is made to an endpoint."""
        with self._lock:
            return self._turns.setdefault(endpoint, threading.Semaphore(AT_ONCE))

    def resting_until(self, endpoint: str) -> datetime | None:
        """Say until when an endpoint is left alone, None if it is not."""
        rest = self._rest(endpoint)
        return rest.until if rest and self.now() < rest.until else None

    def failed(self, endpoint: str) -> None:
        """Note a failure; from the fifth in a row on the endpoint is left alone."""
        rest = self._rest(endpoint)
        with self._lock:
            self._failures[endpoint] += 1
            enough = self._failures[endpoint] >= deliveries.FAILURES
            resting = rest is not None and self.now() < rest.until
            if resting or not (enough or rest):
                return
            pauses = rest.pauses if rest else 0
            new = Rest(self.now() + deliveries.rest_after(pauses), pauses + 1)
            self._rests[endpoint] = (self.now(), new)
        self.table.put_pause(
            endpoint, {"until": stamp(new.until), "pauses": new.pauses}, new.until
        )

    def succeeded(self, endpoint: str) -> None:
        """Note a success: the endpoint is as good as any."""
        rest = self._rest(endpoint)
        with self._lock:
            self._failures.pop(endpoint, None)
            if rest is None:
                return
            self._rests[endpoint] = (self.now(), None)
        self.table.drop_pause(endpoint)

    def _rest(self, endpoint: str) -> Rest | None:
        known = self._rests.get(endpoint)
        if known and self.now() - known[0] < FRESH:
            return known[1]
        item = self.table.pause(endpoint)
        rest = Rest(moment(item["until"]), item["pauses"]) if item else None
        with self._lock:
            newer = self._rests.get(endpoint)
            if newer is known:
                self._rests[endpoint] = (self.now(), rest)
                return rest
        return newer[1] if newer else rest
