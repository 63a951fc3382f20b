"""Measure operations in long sessions, beside two other designs.

CPU is of the thread that does the work, as the function's process would: the embedded
AWS is another process. Units are worked out as AWS counts them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proofs.benches.flat import designs, stream_filter
from proofs.benches.flat.designs import LIST, SCAN, Design
from proofs.benches.flat.histories import CALLBACK, COUNTING, GET, Cost, LongSession
from proofs.report import Report
from proofs.runner import progress_lines
from proofs.units.operations import Operations
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

CALLS = (10, 100, 1_000, 10_000)
SESSIONS = (200, 2_000, 20_000)
ROUNDS = 7
LEAST_ROUNDS = 3
LONG = 2_000

# Beside a session of a tenth of the calls, and beside the shortest, an operation may
# cost so many times as much: a session of ten calls is not as long as what is read.
MOST_GROWTH = 1.5
MOST_BESIDE_SHORTEST = 4

# The share of a session's changes that are handed to publish_changes.
MOST_HANDED_ON = 0.6

FLAT = "an operation costs the same with ten times as many calls"
BESIDE_SHORTEST = "an operation costs at most 4 times what it does with ten calls"
SAME_UNITS = "an operation costs the same units however many sessions there are"
FILTERED = "of a session's changes at most six tenths invoke publish_changes"


@dataclass(frozen=True)
class Found:
    """What was measured of a session of a session; *listed* where that is possible."""

    ours: Mapping[str, Cost]
    scanned: Design
    listed: Design | None


def run(
    calls: Sequence[int] = CALLS,
    sessions: Sequence[int] = SESSIONS,
    rounds: int = ROUNDS,
) -> Report:
    """Measure with sessions of so many *calls*, and beside so many other *sessions*."""
    progress = progress_lines()
    report = Report("bench flat")
    with (
        tempfile.TemporaryDirectory(prefix="maskline-flat-") as folder,
        Stack(free_addresses(), Path(folder), report=progress) as stack,
    ):
        found = {}
        for count in calls:
            found[count] = measure(stack.running, count, rounds)
            progress(f"measured with {count:,} calls")
        of_operations(report, found)
        beside_others(report, found)
        among_sessions(report, stack.running, sessions)
        progress("measured units among other sessions")
        invocations(report, stack.running)
    return report


def measure(stack: RunningStack, count: int, rounds: int) -> Found:
    """Measure a session of so many calls."""
    session = LongSession(stack)
    session.load(count)
    scanned = designs.scanned(session)
    listed = designs.listed(session)
    # The embedded AWS looks at each item of a partition for each query.
    turns = rounds if count <= LONG else LEAST_ROUNDS
    return Found(session.costs(turns), scanned, listed)


def of_operations(report: Report, found: Mapping[int, Found]) -> None:
    """Show what operations cost by the number of calls, and check that it is flat."""
    shortest, *others = found
    for operation in found[shortest].ours:
        costs = {count: each.ours[operation] for count, each in found.items()}
        for count, cost in costs.items():
            row = report.row("CPU in ms, by calls in the session", operation)
            row[f"{count:,}"] = cost.cpu
            row = report.row("read + write units, by calls", operation)
            row[f"{count:,}"] = f"{cost.read:g} + {cost.write:g}"
        few, many = list(costs)[-2:]
        _compare(report, FLAT, operation, costs[few], costs[many], MOST_GROWTH)
        if operation != COUNTING:
            for count in others:
                more = costs[shortest], costs[count], MOST_BESIDE_SHORTEST
                _compare(report, BESIDE_SHORTEST, operation, *more)


def _compare(
    report: Report, goal: str, operation: str, few: Cost, many: Cost, most: float
) -> None:
    grown = many.cpu / few.cpu
    units_grown = (many.read + many.write) / (few.read + few.write)
    case = f"{operation}: CPU {grown:.2f}, units {units_grown:.2f} times"
    report.check(max(grown, units_grown) <= most, goal, case)


def beside_others(report: Report, found: Mapping[int, Found]) -> None:
    """Show what a GET and a callback cost in each design, and draw it."""
    for count, each in found.items():
        of_get = {"ours": each.ours[GET], SCAN: each.scanned.read}
        of_callback = {"ours": each.ours[CALLBACK], SCAN: each.scanned.callback}
        if each.listed:
            of_get[LIST] = each.listed.read
            of_callback[LIST] = each.listed.callback
        for what, costs in (("a GET", of_get), ("a callback", of_callback)):
            for design, cost in costs.items():
                table = f"{what}, CPU in ms and units, by calls"
                row = report.row(table, design)
                row[f"{count:,}"] = f"{cost.cpu:,.0f} ms, {cost.read + cost.write:,.0f}"
                report.point(f"CPU of {what} in ms, by calls", design, count, cost.cpu)
                units_taken = cost.read + cost.write
                report.point(f"units of {what}, by calls", design, count, units_taken)
            if LIST not in costs:
                row = report.row(f"{what}, CPU in ms and units, by calls", LIST)
                row[f"{count:,}"] = "over 400 KB"


def among_sessions(
    report: Report, stack: RunningStack, sessions: Sequence[int]
) -> None:
    """Show the units of operations beside other sessions; check that they are flat."""
    measured = []
    for count in sessions:
        operations = Operations(stack)
        operations.fill(count)
        costs = operations.measure()
        measured.append(costs)
        for operation, cost in costs.items():
            row = report.row("units of path and stream, by sessions", operation)
            row[f"{count:,}"] = cost.total.read + cost.total.write
    for operation, cost in measured[0].items():
        same = all(costs[operation] == cost for costs in measured[1:])
        report.check(same, SAME_UNITS, operation)


def invocations(report: Report, stack: RunningStack) -> None:
    """Count the changes of a session's life, and those that invoke publish_changes."""
    before = stream_filter.invocations(stack)
    records = stream_filter.changes_of_a_life(stack)
    among = stream_filter.patterns()
    kept = [each for each in records if stream_filter.invokes(each, among)]
    row = report.row(
        "publish_changes, a session with two recorded calls and webhooks", "the filter"
    )
    row |= {
        "changes": len(records),
        "that lead to something": len(kept),
        "invocations here": stream_filter.invocations(stack) - before,
    }
    case = f"{len(kept)} of {len(records)}"
    report.check(len(kept) <= MOST_HANDED_ON * len(records), FILTERED, case)
