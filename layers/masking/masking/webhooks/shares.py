"""Share the workers among tenants: slow deliveries use a few of them, never all.

A tenant counts as slow for some minutes after an attempt that took long, or in which a
worker died. Its deliveries then need a lane, which one worker at a time holds; there
are fewer lanes than workers, and each tenant has one, another every hour. So one slow
tenant occupies one worker, all slow tenants together leave workers to the others.
A server that has just answered quickly needs none: its tenant's others are slow.

What a tenant is known for is read once a second in each worker; a quick tenant costs no
write. A lane is a lease: one that a dead worker holds is free after some seconds.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking.domain import deliveries

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores

# The template has five workers.
LANES = 3

# As long as the function may run.
LEASE = timedelta(seconds=15)

# How long what the table says of a tenant is believed, and a quick answer counts.
FRESH = timedelta(seconds=1)
PROVEN = timedelta(minutes=1)

# A note that a tenant is slow is written again when so much of it is over.
RENEWED_AFTER = timedelta(minutes=1)


class Lanes:
    """The lanes that a batch holds; each is taken when it is first needed."""

    def __init__(self, stores: Stores, now: Clock) -> None:
        self._stores = stores
        self._now = now
        self._holder = secrets.token_urlsafe(9)
        self._held: dict[int, bool] = {}
        self._lock = threading.Lock()

    def may_use(self, tenant_id: str) -> bool:
        """Return whether this batch holds a tenant's lane, or could take it."""
        now = self._now()
        lane = lane_of(tenant_id, now)
        with self._lock:
            if lane not in self._held:
                self._held[lane] = self._stores.endpoints.take_lane(
                    lane, self._holder, now, now + LEASE
                )
            return self._held[lane]

    def leave(self) -> None:
        """Let other workers have the lanes."""
        for lane, is_held in self._held.items():
            if is_held:
                self._stores.endpoints.leave_lane(lane, self._holder, self._now())


@dataclass
class Shares:
    """What a worker knows of how long the deliveries of tenants take."""

    stores: Stores
    now: Clock
    _slow: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    _quick: dict[str, datetime] = field(default_factory=dict)

    @contextmanager
    def lanes(self) -> Iterator[Lanes]:
        """Hold lanes for a batch, as far as it needs them and they are free."""
        lanes = Lanes(self.stores, self.now)
        try:
            yield lanes
        finally:
            lanes.leave()

    def is_slow(self, tenant_id: str, endpoint: str) -> bool:
        """Return whether a delivery needs a lane."""
        now = self.now()
        until = self._slow_until(tenant_id)
        if until is None or until <= now:
            return False
        quick = self._quick.get(endpoint)
        return quick is None or now - quick > PROVEN

    def took(self, tenant_id: str, endpoint: str, *, long: bool) -> None:
        """Learn whether an attempt took *long*, or broke a worker."""
        now = self.now()
        if not long:
            self._quick[endpoint] = now
            return
        self._quick.pop(endpoint, None)
        until = self._slow_until(tenant_id)
        end = now + deliveries.SLOW_FOR
        if until is None or end - until > RENEWED_AFTER:
            # Known before it is written: the others of a batch need not write it.
            self._slow[tenant_id] = now, end
            self.stores.endpoints.put_slow(tenant_id, end)

    def _slow_until(self, tenant_id: str) -> datetime | None:
        known = self._slow.get(tenant_id)
        if known and self.now() - known[0] < FRESH:
            return known[1]
        until = self.stores.endpoints.slow_until(tenant_id)
        self._slow[tenant_id] = self.now(), until
        return until


def lane_of(tenant_id: str, now: datetime) -> int:
    """Return a tenant's lane, another every hour: no two tenants share one for long."""
    digest = hashlib.sha256(f"{tenant_id} {now:%Y%m%d%H}".encode()).digest()
    return digest[0] % LANES
