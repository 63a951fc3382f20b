"""Test that each row of the decision table has a test by its name."""

from __future__ import annotations

import re
from pathlib import Path

from plivo_simulator import rules

_ROW = re.compile(r"^\| ([RNCSA]\d+) ", re.MULTILINE)
_TEST = re.compile(r"def test_((?:[rncsa]\d+_)+)|id=\"((?:[rncsa]\d+_)+)")


def test_every_row_of_the_decision_table_has_a_test_by_name() -> None:
    rows = _ROW.findall(rules.__doc__ or "")
    tested = {
        row.upper()
        for path in Path(__file__).parent.rglob("test_*.py")
        for groups in _TEST.findall(path.read_text())
        for name in groups
        for row in name.split("_")
        if row
    }

    assert len(rows) == len(set(rows)) > 40
    assert set(rows) - tested == set()
    assert tested - set(rows) == set()
