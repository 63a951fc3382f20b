"""The rule of every quarter of an hour, as its function runs it."""

from __future__ import annotations

from collections.abc import Mapping

from masking.reconcile import Reconciler
from masking.rounds import Round


def a_round(reconciler: Reconciler) -> Mapping[str, int]:
    """Work off what is due; say what became of it."""
    table, now = reconciler.table, reconciler.now
    return Round(table, reconciler, now, lambda: True).run().outcomes
