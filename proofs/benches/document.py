"""Write docs/benchmarks.md, with its plots, from the reports of all benches."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from proofs import plots
from proofs.report import Report, columns_of, shown

HEAD = """\
# Benchmarks

Written by `make bench`; `make bench ONLY=<part>` measures one part again.
Ratios are what to look at: both sides of each were measured on one machine, in turns.
Times and rates are those of that machine, which the embedded AWS, the Plivo simulator \
and the load itself share: {machine}.
"""


PAGE = """\
Written by `make bench ONLY={part}`.
"""

# Parts that have a page of their own, with its title.
PAGES = {"cost": "What it costs"}


def write(reports: Mapping[str, Report], texts: Mapping[str, str], docs: Path) -> None:
    """Write benchmarks.md and `PAGES` into the folder *docs*, with pictures of plots.

    *texts* say what each part measures. Pictures of plots that are no more go.
    """
    pictures = {
        _picture(part, name): plots.plot(name, lines)
        for part, report in reports.items()
        for name, lines in report.plots.items()
    }
    for old in docs.glob("bench-*.svg"):
        if old.name not in pictures:
            old.unlink()
    for name, drawn in pictures.items():
        (docs / name).write_text(drawn)
    lines = [HEAD.format(machine=machine()), *_goals(reports)]
    for part, report in reports.items():
        lines += ["", f"## {part}", "", texts[part], ""]
        found = list(_contents(part, report))
        if part in PAGES:
            head = [f"# {PAGES[part]}", "", PAGE.format(part=part), texts[part], ""]
            _save(docs / f"{part}.md", [*head, *_goals({part: report}), *found])
            found = [f"[{PAGES[part]}]({part}.md) has the tables.", ""]
        lines += found
    _save(docs / "benchmarks.md", lines)


def machine() -> str:
    """Return what this machine is, in a few words."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({platform.machine()}), Python {platform.python_version()}"


def _goals(reports: Mapping[str, Report]) -> Iterator[str]:
    yield from ("## Goals", "", "| Part | Goal | Measured | Met |", "|---|---|---|---|")
    for part, report in reports.items():
        for goal, check in report.checks.items():
            measured = "; ".join(check.failures) or check.last
            met = "**no**" if check.failures else "yes"
            cells = (f"[{part}](benchmarks.md#{part})", goal, measured, met)
            yield "| " + " | ".join(map(_cell, cells)) + " |"
    yield ""


def _save(path: Path, lines: Iterable[str]) -> None:
    text = re.sub("\n{3,}", "\n\n", "\n".join(lines))
    path.write_text(text.strip() + "\n")


def _contents(part: str, report: Report) -> Iterator[str]:
    for title, rows in report.tables.items():
        yield from _table(title, rows)
    for name, value in report.counts.items():
        yield f"- {name}: {shown(value)}"
    yield from (f"- {note}" for note in report.notes)
    if report.counts or report.notes:
        yield ""
    for name in report.plots:
        yield from (f"![{name}]({_picture(part, name)})", "")


def _table(title: str, rows: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    columns = columns_of(dict(rows))
    yield "| " + " | ".join(map(_cell, [title, *columns])) + " |"
    yield "|---" + "|---:" * len(columns) + "|"
    for name, cells in rows.items():
        texts = [name, *(shown(cells.get(column, "")) for column in columns)]
        yield "| " + " | ".join(map(_cell, texts)) + " |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _picture(part: str, name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"bench-{part}-{words}.svg"
