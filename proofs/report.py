"""Report what a proof checked, how often, and every case that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Failed cases of one check that a terminal shows; JSON has all of them.
SHOWN = 5


@dataclass
class Check:
    """Something that must hold: how often it did, and each case in which it did not.

    *last* is the case that passed last: what was measured, if the check is a goal.
    """

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    last: str = ""


@dataclass
class Report:
    """The checks of one proof, with counts and tables beside them."""

    proof: str
    checks: dict[str, Check] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    # What is drawn: of each plot its lines, of each line its points (x, y).
    plots: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    # What has to be known to read the numbers: why a goal is not met, what limits.
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Return whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> dict[str, list[str]]:
        """Return the failed cases by check."""
        return {
            name: check.failures
            for name, check in self.checks.items()
            if check.failures
        }

    def check(self, met: object, name: str, case: str) -> None:
        """Count *case* as passed, or keep it as a failure of the check *name*."""
        check = self.checks.setdefault(name, Check())
        if met:
            check.passed += 1
            check.last = case
        else:
            check.failures.append(case)

    def row(self, table: str, name: str) -> dict[str, Any]:
        """Return a row of a table, by column, to be filled in."""
        return self.tables.setdefault(table, {}).setdefault(name, {})

    def count(self, table: str, row: str, column: str, number: int = 1) -> None:
        """Add to a number in a table."""
        cells = self.row(table, row)
        cells[column] = cells.get(column, 0) + number

    def point(self, plot: str, line: str, x: float, y: float) -> None:
        """Add a point to a line of a plot."""
        self.plots.setdefault(plot, {}).setdefault(line, []).append((x, y))

    def lines(self) -> Iterator[str]:
        """Yield the report as a terminal shows it."""
        for table, rows in self.tables.items():
            yield from _table(table, rows)
        for name, value in self.counts.items():
            yield f"  {name}: {shown(value)}"
        yield from (f"  {note}" for note in self.notes)
        yield ""
        for name, check in self.checks.items():
            total = check.passed + len(check.failures)
            result = "FAIL" if check.failures else "pass"
            yield f"  {result}  {check.passed:>7,} of {total:<7,} {name}"
            for case in check.failures[:SHOWN]:
                yield f"        {case}"
            if len(check.failures) > SHOWN:
                yield f"        ... and {len(check.failures) - SHOWN:,} more"
        failed = len(self.failures)
        yield f"{self.proof}: " + (f"{failed} checks FAILED" if failed else "passed")

    def json(self) -> str:
        """Return the report as a JSON document."""
        document = {
            "proof": self.proof,
            "holds": self.holds,
            "checks": {
                name: {
                    "passed": check.passed,
                    "failures": check.failures,
                    "last": check.last,
                }
                for name, check in self.checks.items()
            },
            "counts": self.counts,
            "tables": self.tables,
            "plots": self.plots,
            "notes": self.notes,
        }
        return json.dumps(document, indent=2, default=str)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Return the report that `json` wrote."""
        document = json.loads(text)
        checks = {name: Check(**check) for name, check in document["checks"].items()}
        names = ("proof", "counts", "tables", "plots", "notes")
        return cls(checks=checks, **{name: document[name] for name in names})


def columns_of(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return the names of all columns of a table, in their order."""
    return list(dict.fromkeys(name for cells in rows.values() for name in cells))


def shown(value: object) -> str:
    """Return a number or a text of a table as it is shown."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(title: str, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    columns = columns_of(rows)
    texts = {
        name: [shown(cells.get(column, "")) for column in columns]
        for name, cells in rows.items()
    }
    first = max(len(title), *(len(name) for name in rows))
    widths = [
        max(len(column), *(len(cells[place]) for cells in texts.values()))
        for place, column in enumerate(columns)
    ]
    for name, cells in {title: columns, **texts}.items():
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([name.ljust(first), *padded])
    yield ""
