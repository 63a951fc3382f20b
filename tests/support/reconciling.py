"""Run the reconciliation, as the rule of every quarter of an hour does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from masking.lifecycle.reconcile import Reconciler
from masking.wiring import Services


def run_reconciliation(
    services: Services, reconciler: Reconciler | None = None
) -> Mapping[str, int]:
    """Work off what is due, by *reconciler* if given; return the outcomes."""
    run = services.reconcile_sessions(lambda: True)
    if reconciler is not None:
        run = replace(run, stores=reconciler.stores, reconciler=reconciler)
    return run.work().outcomes
