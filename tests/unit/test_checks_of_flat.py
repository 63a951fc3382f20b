"""Costs that grow with calls or sessions are found, and shown beside other designs."""

from __future__ import annotations

from proofs.benches.flat import run
from proofs.benches.flat.designs import LARGEST_ITEM, LIST, SCAN, Design
from proofs.benches.flat.histories import CALLBACK, COUNTING, EVENTS, GET, Cost
from proofs.report import Report

OPERATIONS = (CALLBACK, COUNTING, GET, EVENTS)


def found(*cpu: float, read: float = 10) -> dict[int, run.Found]:
    """Return what was measured of sessions of 10, 100, ... calls: so much CPU."""
    return {
        10 ** (place + 1): run.Found(
            {operation: Cost(each, read, 1) for operation in OPERATIONS},
            Design(Cost(10 * each, 90, 1), Cost(9 * each, 90, 0)),
            None if place else Design(Cost(each, 4, 30), Cost(each, 4, 0)),
        )
        for place, each in enumerate(cpu)
    }


def test_what_costs_the_same_passes() -> None:
    report = Report("flat")

    run.of_operations(report, found(20, 30, 31))

    assert report.holds
    assert report.tables["CPU in ms, by calls in the session"].keys() == {*OPERATIONS}


def test_what_grows_fails() -> None:
    few, many = found(20, 30)[100], found(20, 30)[10]
    report = Report("flat")

    run.of_operations(report, {10: many, 100: few, 1_000: found(20, 30, 60)[1_000]})

    assert report.failures.keys() == {run.FLAT}


def test_what_is_far_above_the_shortest_fails() -> None:
    report = Report("flat")

    run.of_operations(report, found(20, 100, 100))

    assert report.failures.keys() == {run.BESIDE_SHORTEST}


def test_designs_are_shown_as_far_as_they_go() -> None:
    report = Report("flat")

    run.beside_others(report, found(20, 30))

    [table, *_] = [rows for name, rows in report.tables.items() if "a GET" in name]
    assert table[LIST] == {"10": "20 ms, 4", "100": f"over {LARGEST_ITEM // 1024} KB"}
    assert table[SCAN].keys() == {"10", "100"}
    assert {plot for plot in report.plots if "a GET" in plot}
