"""The reports of benches become one document, with goals first and a plot for each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proofs import plots
from proofs.benches import document
from proofs.benches import run as benches
from proofs.report import Report
from stack.environments import ROOT

TEXTS = {"load": "How long requests take.", "flat": "What stays the same."}


def _load() -> Report:
    report = Report("bench load")
    report.row("ms by rate", "5 a second")["p50"] = 48.25
    report.point("p50 in ms by rate", "create", 5, 48)
    report.point("p50 in ms by rate", "create", 10, 52)
    report.check(True, "no error", "0 of 200")
    report.notes.append("the machine is the limit")
    return report


def _flat() -> Report:
    report = Report("bench flat")
    report.check(False, "at most 1.1 times", "1.3 times")
    return report


BENCHES = {"load": _load, "flat": _flat}


def test_goals_come_first_with_what_was_measured(tmp_path: Path) -> None:
    document.write({"load": _load(), "flat": _flat()}, TEXTS, tmp_path)

    text = (tmp_path / "benchmarks.md").read_text()

    assert "| [load](benchmarks.md#load) | no error | 0 of 200 | yes |" in text
    assert (
        "| [flat](benchmarks.md#flat) | at most 1.1 times | 1.3 times | **no** |"
        in text
    )
    assert text.index("## Goals") < text.index("## load") < text.index("## flat")
    assert "| ms by rate | p50 |" in text
    assert "| 5 a second | 48.2 |" in text
    assert "- the machine is the limit" in text


def test_each_plot_is_a_picture_that_the_document_shows(tmp_path: Path) -> None:
    (tmp_path / "bench-load-of-before.svg").write_text("<svg/>")

    document.write({"load": _load()}, TEXTS, tmp_path)

    shown = re.findall(r"\]\((.*\.svg)\)", (tmp_path / "benchmarks.md").read_text())
    assert [path.name for path in tmp_path.glob("*.svg")] == shown


def test_a_part_may_have_a_page_of_its_own(tmp_path: Path) -> None:
    document.write({"cost": _load()}, {"cost": "What AWS bills."}, tmp_path)

    text = (tmp_path / "benchmarks.md").read_text()
    page = (tmp_path / "cost.md").read_text()

    assert "[What it costs](cost.md)" in text
    assert "| ms by rate | p50 |" not in text
    assert "| ms by rate | p50 |" in page
    assert "`make bench ONLY=cost`" in page


def test_the_document_waits_until_all_have_been_measured(tmp_path: Path) -> None:
    told: list[str] = []

    def measure(only: str | None) -> list[str]:
        reports = benches.measure(
            BENCHES, only, kept=tmp_path / "kept", docs=tmp_path, progress=told.append
        )
        return [report.proof for report in reports]

    assert measure("flat") == ["bench flat"]
    assert not (tmp_path / "benchmarks.md").exists()
    assert "lacks load" in told[-1]
    assert measure(None) == ["bench load", "bench flat"]
    assert measure("flat") == ["bench flat"]
    assert "## load" in (tmp_path / "benchmarks.md").read_text()


def test_a_plot_keeps_its_points_within_its_axes() -> None:
    lines: dict[str, plots.Points] = {
        "ours": [(10.0, 2.0), (10_000, 2.1)],
        "scan": [(10, 3), (10_000, 900)],
    }

    drawn = plots.plot("units by calls", lines)

    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert len(dots) == 4
    assert all(plots.LEFT <= float(x) <= plots.WIDTH for x, _ in dots)
    assert all(plots.TOP <= float(y) <= plots.HEIGHT for _, y in dots)
    texts = re.findall(r">([^<>\n]+)</text>", drawn)
    assert {"ours", "scan", "units by calls", "10k"} <= set(texts)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 7.0], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([5.0, 40.0], [0, 10, 20, 30, 40]),
        ([0.2, 90.0], [0.1, 1, 10, 100]),
        ([0.0, 0.0], [0, 0.2]),
        ([3.0], [0, 0.5, 1, 1.5, 2, 2.5, 3]),
    ],
)
def test_ticks_are_round_and_cover_the_values(
    values: list[float], ticks: list[float]
) -> None:
    assert plots.Axis(values).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (9_000, "9,000"), (25_000, "25k"), (2e6, "2M")]
)
def test_a_tick_is_short(value: float, text: str) -> None:
    assert plots.short(value) == text


def test_the_readme_quotes_what_was_measured() -> None:
    """Figures may be rounded, and stay so until they are off by a fifth."""
    quoted = re.findall(
        r"\$(\d+) (?:to run a million|without webhooks|to keep)",
        (ROOT / "README.md").read_text(),
    )
    page = (ROOT / "docs" / "cost.md").read_text()
    measured = re.findall(r"\| \$(\d+)[^|]*\| (?:yes|\*\*no)", page)

    assert len(quoted) == len(measured) == 3
    for told, found in zip(quoted, measured, strict=True):
        assert int(told) == pytest.approx(int(found), rel=0.2)
