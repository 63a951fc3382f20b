"""Under load nothing is lost or crossed, and past the limit the stack refuses."""

from __future__ import annotations

import pytest

from proofs.benches.load import run
from proofs.report import Report


@pytest.fixture(name="report", scope="module")
def _report() -> Report:
    return run.run(run.SMALL)


@pytest.mark.parametrize(
    "goal", [run.NO_ERROR, run.NOT_CROSSED, run.NOT_LOST, run.BOUNDED]
)
def test_a_small_load_meets_the_goals(report: Report, goal: str) -> None:
    assert report.checks[goal].passed
    assert report.checks[goal].failures == []


def test_past_the_limit_requests_are_refused_and_right_after_none_is(
    report: Report,
) -> None:
    burst, after = report.tables["past the limit"].values()

    assert burst["refused"] > 0
    assert burst["created a second"] > 1
    assert after["refused"] == 0


def test_the_bottleneck_is_named_and_told_from_the_emulator(report: Report) -> None:
    ours, empty = report.tables["processor ms of a request"].values()

    assert 0 < empty["emulator"] < ours["emulator"]
    assert ours["functions"] > 0
    assert "The bottleneck of creates is" in report.notes[0]


def test_a_create_takes_longer_through_us_than_at_plivo_alone(report: Report) -> None:
    [table] = [name for name in report.tables if name.startswith("a create, Plivo")]

    rows = report.tables[table]

    assert rows["Plivo alone"]["median ms"] >= 100
    assert 1 < rows["through Maskline"]["ratio"] < 20
