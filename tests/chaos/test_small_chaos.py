"""The chaos in small: it holds, and without the listing step it can't."""

from __future__ import annotations

from pathlib import Path

from local.addresses import free_addresses
from local.chaos.course import Chaos
from local.chaos.verdict import Verdict
from local.stack import Stack

CREATES = 60

# Clients of this run give up instead of waiting for leases, so that it is short; what
# they then know is not what this is about.
SHARES = {"unknown <= 5 %", "created >= 90 %"}


def run(folder: Path, *, hide_listing: bool = False) -> Verdict:
    """Run on a stack of its own."""
    with Stack(free_addresses(), folder) as stack:
        return Chaos(
            stack.running,
            stack.aws_pid,
            CREATES,
            seed=7,
            hide_listing=hide_listing,
            least_fired=0,
            longest_pause=6,
            in_a_hurry=True,
        ).run()


def test_under_faults_and_kills_every_promise_about_sessions_holds(
    tmp_path: Path,
) -> None:
    verdict = run(tmp_path)

    assert {k: v for k, v in verdict.broken.items() if k not in SHARES} == {}
    assert verdict.counts["kills"] > 0
    assert sum(verdict.counts["faults"].values()) > CREATES / 5


def test_without_the_listing_step_sessions_are_left_at_plivo(tmp_path: Path) -> None:
    verdict = run(tmp_path, hide_listing=True)

    assert "no orphan" in verdict.broken
