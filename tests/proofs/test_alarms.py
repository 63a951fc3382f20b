"""A small run of `make alarms`: what is broken rings its alarm, and no other does."""

from __future__ import annotations

from pathlib import Path

from proofs.alarms.run import HEALTHY, PARAMETERS, RINGS, SILENT, TABLE, prove
from stack.addresses import free_addresses
from stack.stack import Stack
from tests.unit.test_alarms import ALARMS


def test_each_alarm_that_should_rings_and_no_other(tmp_path: Path) -> None:
    with Stack(free_addresses(), tmp_path, parameters=PARAMETERS, speed=20) as stack:
        report = prove(stack.running, print, quick=True)

    assert report.failures == {}, "\n".join(report.lines())
    assert report.checks[HEALTHY].passed == len(ALARMS)
    assert report.checks[RINGS].passed >= report.checks[SILENT].passed >= 12
    for row in report.tables[TABLE].values():
        assert all(row.values())
