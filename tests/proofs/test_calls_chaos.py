"""A small run of `make chaos-calls`: every call is told as it was."""

from __future__ import annotations

from pathlib import Path

from proofs.calls_chaos.run import prove
from stack.addresses import free_addresses
from stack.stack import Stack

CALLS = 20

# A moment is enough where callbacks come at once.
CHECK_SECONDS = 3


def test_every_call_is_told_as_it_was_whatever_becomes_of_its_callbacks(
    tmp_path: Path,
) -> None:
    with Stack(free_addresses(), tmp_path) as stack:
        report = prove(stack.running, print, calls=CALLS, check_seconds=CHECK_SECONDS)

    assert report.failures == {}
    assert report.counts["calls"] == CALLS
    assert report.counts["events call.ended"] == CALLS
