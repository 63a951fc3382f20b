"""The rule of every quarter of an hour, as its function runs it."""

from __future__ import annotations

from collections.abc import Mapping

from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import ReconcileSessions


def a_round(reconciler: Reconciler) -> Mapping[str, int]:
    """Work off what is due; say what became of it."""
    table, now = reconciler.table, reconciler.now
    return ReconcileSessions(table, reconciler, now, lambda: True).run().outcomes
