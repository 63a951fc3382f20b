"""Pause the servers of apps that fail, so that a dead one delays nobody else.

One that has failed five times in a row is paused, longer each time. All workers count
in one item, made by the first failure: a success costs no write, unless it is the first
one after a failure.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking.core.times import parse_stamp
from masking.domain import deliveries

if TYPE_CHECKING:
    from masking.core.key_space import Item
    from masking.core.times import Clock
    from masking.storage.stores import Stores


# Requests to one endpoint at once, in one worker. The template caps the workers.
AT_ONCE = 5

# How long what the table says of an endpoint is believed.
FRESH = timedelta(seconds=1)


@dataclass(frozen=True)
class Health:
    """An endpoint's health: how often it has been paused, and until when it is."""

    pauses: int = 0
    until: datetime | None = None
    fails: bool = False


@dataclass
class Endpoints:
    """What a worker knows of endpoints, each named by its key in the table."""

    stores: Stores
    now: Clock
    _known: dict[str, tuple[datetime, Health]] = field(default_factory=dict)
    _turns: dict[str, threading.Semaphore] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, endpoint: str) -> threading.Semaphore:
        """Return the semaphore to be held while a request is made to an endpoint."""
        with self._lock:
            return self._turns.setdefault(endpoint, threading.Semaphore(AT_ONCE))

    def resting_until(self, endpoint: str) -> datetime | None:
        """Return until when an endpoint is paused; None if it is not."""
        until = self._health(endpoint).until
        return until if until and self.now() < until else None

    def fails(self, endpoint: str) -> bool:
        """Return whether the last attempt failed, as far as is known."""
        return self._health(endpoint).fails

    def failed(self, endpoint: str) -> None:
        """Record a failure; after the fifth in a row the endpoint is paused.

        One that fails again after a pause is paused again at once.
        """
        now = self.now()
        item = self.stores.endpoints.count_failure(endpoint, now)
        health = _health_in(item)
        resting = health.until is not None and now < health.until
        enough = item["failures"] >= deliveries.FAILURES
        if enough and not resting:
            until = now + deliveries.rest_after(health.pauses)
            health = Health(health.pauses + 1, until, fails=True)
            self.stores.endpoints.put_pause(endpoint, until, health.pauses)
        self._learn(endpoint, health)

    def succeeded(self, endpoint: str) -> None:
        """Record a success: the endpoint is healthy."""
        if self._health(endpoint).fails:
            self.stores.endpoints.clear_failures(endpoint)
            self._learn(endpoint, Health())

    def _health(self, endpoint: str) -> Health:
        known = self._known.get(endpoint)
        if known and self.now() - known[0] < FRESH:
            return known[1]
        item = self.stores.endpoints.get(endpoint)
        return self._learn(endpoint, _health_in(item) if item else Health())

    def _learn(self, endpoint: str, health: Health) -> Health:
        with self._lock:
            self._known[endpoint] = (self.now(), health)
        return health


def _health_in(item: Item) -> Health:
    until = parse_stamp(item["until"]) if "until" in item else None
    return Health(item.get("pauses", 0), until, fails=item["failures"] > 0)
