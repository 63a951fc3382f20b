"""A small run of `make chaos` holds; without the listing step it can't."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proofs.creates.run import Creates
from proofs.faults import KINDS, Kinds
from proofs.report import Report
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

# Each worker makes every function start a process: few workers make a short run.
WORKERS = 4
CREATES = 50

# As many processes are killed as there are functions to be killed, and one more.
CREATES_PER_KILL = 8

# So many are enough for some to be lost.
LOST_CREATES = 50

# Without listings, what is created before one of these stays unknown.
LOST: Kinds = {"create": ("create_5xx_after_commit", "create_reset_after_commit")}

# Shares are for the full run: of 50 creates one more or less is 2 %.
SHARES = {"unknown <= 5 %", "created >= 90 %"}


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with Stack(free_addresses(), tmp_path_factory.mktemp("creates")) as stack:
        yield stack.running


def run(stack: RunningStack, creates: int, **more: Any) -> Report:
    """Run with time that is moved whenever all clients wait."""
    return Creates(
        stack,
        creates,
        WORKERS,
        least_struck=0,
        creates_per_kill=CREATES_PER_KILL,
        **more,
    ).run()


def test_under_faults_and_kills_every_promise_about_sessions_holds(
    stack: RunningStack,
) -> None:
    report = run(stack, CREATES, seed=7)

    assert {k: v for k, v in report.failures.items() if k not in SHARES} == {}
    struck = report.tables["faults"]
    assert sum(row["struck"] for row in struck.values()) > CREATES / 5
    assert {kind.partition("_")[0] for kind in struck} == KINDS.keys()
    killed = report.tables["processes killed"]
    assert all(row["times"] > 0 for row in killed.values()), killed


def test_without_the_listing_step_sessions_are_left_at_plivo(
    stack: RunningStack,
) -> None:
    report = run(stack, LOST_CREATES, seed=8, hide_listing=True, kinds=LOST)

    assert "no orphan" in report.failures
