"""Send the reconciler round, as its rule does."""

from __future__ import annotations

from collections.abc import Callable

from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import ReconcileSessions


def go_round(
    reconciler: Reconciler, has_time: Callable[[], bool] = lambda: True
) -> dict[str, int]:
    """Let a reconciler work off what is due; give what became of it."""
    tally = ReconcileSessions(
        reconciler.table, reconciler, reconciler.now, has_time
    ).run()
    return dict(tally.outcomes)
