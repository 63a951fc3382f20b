"""Sessions that have ended, and what is due of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from masking.domain.sessions import Session
from masking.lifecycle.reconcile import Reconciler
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.reconciling import go_round
from tests.support.sessions_there import stored


def ended(services: Services, session: Session, clock: Clock) -> Session:
    """Let a session run out and the sweep end it."""
    clock.at = max(clock.at, session.expiry_time or clock.at) + timedelta(seconds=1)
    assert at(services, clock).expire_sessions(lambda: True).run() == 1
    return stored(services.stores, session)


def reconciler_of(services: Services, clock: Clock) -> Reconciler:
    """Return the reconciler with a clock of the test's."""
    return at(services, clock).reconciler


def reconcile(services: Services, clock: Clock) -> Mapping[str, int]:
    """Go once round what is due."""
    return go_round(reconciler_of(services, clock))
