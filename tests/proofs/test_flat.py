"""Long sessions cost what short ones do, and the stream invokes for what matters.

`make bench` measures with up to 10,000 calls.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proofs.benches.flat import run, stream_filter
from proofs.benches.flat.histories import COUNTING
from proofs.report import Report
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

# Both have more calls than are read at once.
CALLS = (60, 300)

# How many times as much CPU the longer may take, and units.
MOST_CPU = 3
MOST_UNITS = 1.6


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Return a stack for these tests alone: they fill it, and count what it does."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("flat")) as stack:
        yield stack.running


def test_operations_cost_the_same_in_a_longer_session(running: RunningStack) -> None:
    few, many = (run.measure(running, count, rounds=3) for count in CALLS)

    assert few.ours.keys() == many.ours.keys()
    for operation in few.ours.keys() - {COUNTING}:
        short, long = few.ours[operation], many.ours[operation]
        assert long.cpu <= MOST_CPU * short.cpu, operation
        assert long.read <= MOST_UNITS * short.read, operation
        assert long.write == short.write, operation
    # The others pay for all calls.
    assert many.scanned.read.read > 4 * few.scanned.read.read
    assert few.listed
    assert many.listed is None


def test_half_of_a_sessions_changes_invoke_nothing(running: RunningStack) -> None:
    report = Report("flat")

    run.invocations(report, running)

    assert report.holds, report.failures
    [(_, row)] = report.tables["publish_changes, " + WORKLOAD].items()
    assert row["invocations here"] <= row["that lead to something"]
    assert row["changes"] > 40
    assert stream_filter.patterns()


WORKLOAD = "a session with two recorded calls and webhooks"
