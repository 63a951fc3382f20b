"""Run reconciliations as their schedule does, with a reconciler of the test's."""

from __future__ import annotations

from collections.abc import Callable

from masking.lifecycle.number_pool import NumberPool
from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import ReconcileSessions
from masking.plivo.account import Account
from masking.plivo.rate_limit import RateLimit


def reconciliation(
    reconciler: Reconciler, has_time: Callable[[], bool] = lambda: True
) -> ReconcileSessions:
    """Return a reconciliation that works through *reconciler*."""
    return ReconcileSessions(
        stores=reconciler.stores,
        reconciler=reconciler,
        number_pool=NumberPool(account=Account(reconciler.carrier), now=reconciler.now),
        rate_limit=RateLimit(1_000),
        now=reconciler.now,
        has_time=has_time,
    )


def go_round(
    reconciler: Reconciler, has_time: Callable[[], bool] = lambda: True
) -> dict[str, int]:
    """Do all that is due; return the outcomes."""
    return dict(reconciliation(reconciler, has_time).work().outcomes)
