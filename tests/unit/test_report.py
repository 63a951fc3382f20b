"""A report counts its checks and shows every failure."""

from __future__ import annotations

import json

from proofs.report import SHOWN, Report


def test_a_report_shows_tables_counts_and_checks() -> None:
    report = Report("example")
    report.count("answers", "200", "create", 1_200)
    report.count("answers", "404", "update")
    report.counts["kills"] = 3
    report.check(True, "all is kept", "first")
    report.check(False, "all is kept", "second is lost")

    assert list(report.lines()) == [
        "answers  create  update",
        "200       1,200        ",
        "404                   1",
        "",
        "  kills: 3",
        "",
        "  FAIL        1 of 2       all is kept",
        "        second is lost",
        "example: 1 checks FAILED",
    ]


def test_a_terminal_shows_some_failures_and_json_all() -> None:
    report = Report("example")
    cases = [f"case {number}" for number in range(SHOWN + 2)]
    for case in cases:
        report.check(False, "all is kept", case)

    assert "        ... and 2 more" in report.lines()
    document = json.loads(report.json())
    assert document["checks"]["all is kept"] == {
        "passed": 0,
        "failures": cases,
        "last": "",
    }
    assert document["holds"] is False


def test_a_report_in_which_all_passed_holds() -> None:
    report = Report("example")
    report.check(True, "all is kept", "first")

    assert report.holds
    assert list(report.lines())[-1] == "example: passed"


def test_a_report_is_read_back_as_it_was_written() -> None:
    report = Report("example")
    report.row("latency", "create")["p50"] = 0.123
    report.point("latency by rate", "create", 5, 40.0)
    report.check(True, "at most 1 s", "0.123")
    report.check(False, "no error", "1 error")
    report.notes.append("measured on an idle machine")

    again = Report.from_json(report.json())

    assert again.json() == report.json()
    assert again.checks["at most 1 s"].last == "0.123"
    assert list(again.lines()) == list(report.lines())
