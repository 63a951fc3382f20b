"""Price what sessions take: counts of a run on a stack, times list prices of AWS.

What a session takes is counted where it can be: invocations, writes, reads, events,
messages, bytes logged and kept, processor time of the functions.
What a function waits for is assumed, because the time to answer of Plivo and of AWS
isn't that of this machine; `proofs/benches/cost/model.py` has each assumption.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from proofs.benches.cost import model, prices, scale
from proofs.benches.cost.workload import SESSION, Counts, check, count
from proofs.http_listener import HttpListener
from proofs.report import Report
from proofs.runner import progress_lines
from stack.addresses import free_addresses
from stack.stack import Stack

SESSIONS = 8

MOST_WITH_WEBHOOKS, MOST_WITHOUT = 80, 45
ALL_ON = f"running a million sessions costs at most ${MOST_WITH_WEBHOOKS}"
WITHOUT = f"and at most ${MOST_WITHOUT} with webhooks and events of your own off"
KEPT = "keeping them costs less than running them"

# Sessions a year, and a month where a server is compared.
YEARLY = (100e6, 1_000e6)
MONTHLY = 1e6

OFF = {"BusEvents": ""}


def run(sessions: int = SESSIONS) -> Report:
    """Count on two stacks of their own: with webhooks to the app, and without."""
    progress = progress_lines()
    with HttpListener() as app:
        counts = _count(None, app, sessions)
    progress("counted with webhooks")
    without = _count(OFF, None, sessions)
    progress("counted without webhooks")
    return priced(counts, without)


def priced(counts: Counts, without: Counts) -> Report:
    """Return the report of both counts."""
    report = Report("bench cost")
    _bill(report, "running, dollars for a million sessions", counts, without)
    _writes(report, counts)
    _keeping(report, counts)
    _designs(report, counts, without)
    _cheaper(report, counts)
    _scale(report, counts)
    _prices(report)
    running, bare = (
        model.total(model.running(counts)),
        model.total(model.running(without)),
    )
    kept = model.total(model.kept(counts))
    over = f"${running:.0f}" + _over(running, MOST_WITH_WEBHOOKS)
    report.check(running <= MOST_WITH_WEBHOOKS, ALL_ON, over)
    over = f"${bare:.0f}" + _over(bare, MOST_WITHOUT)
    report.check(bare <= MOST_WITHOUT, WITHOUT, over)
    report.check(kept < running, KEPT, f"${kept:.0f} beside ${running:.0f}")
    report.notes += [
        f"A session: {SESSION}.",
        "Lambda's time is that of this machine's processors, taken as a core of AWS, "
        "and assumed waits: 4 ms for each request to the table, 250 ms for each to "
        "Plivo, 100 ms for each webhook.",
        "Not in the bill: Plivo's numbers and minutes, and what runs while nobody "
        "calls: some $10 a month of alarms, the schedules and the polls of queues.",
        f"Lambda's own lines would add ${model.without_lambdas_lines(counts):.0f} a "
        "million (template.yaml leaves them out).",
        *_why(counts),
    ]
    return report


def _count(
    parameters: Mapping[str, str] | None, app: HttpListener | None, sessions: int
) -> Counts:
    with (
        tempfile.TemporaryDirectory(prefix="maskline-cost-") as folder,
        Stack(free_addresses(), Path(folder), parameters=parameters) as stack,
    ):
        counts = count(stack.running, stack.aws_pid, app, sessions)
    check(counts)
    return counts


def _bill(report: Report, table: str, counts: Counts, without: Counts) -> None:
    others = {line.name: line for line in model.running(without)}
    for line in model.running(counts):
        unit, scale_by = IN_KB.get(line.name, (line.name, 1.0))
        row = report.row(table, unit)
        row |= {"a session": line.quantity * scale_by, "dollars": line.dollars}
        row |= {
            "without webhooks": others[line.name].quantity * scale_by,
            "its dollars": others[line.name].dollars,
            "": line.note,
        }
    row = report.row(table, "together")
    row |= {
        "dollars": model.total(model.running(counts)),
        "its dollars": model.total(model.running(without)),
    }


def _writes(report: Report, counts: Counts) -> None:
    table = "write units of a session, by what is written"
    for kind, units in sorted(counts.writes.items(), key=lambda each: -each[1]):
        if units >= 0.2:
            report.row(table, KINDS.get(kind, kind))["units"] = units
    table = "invocations of a session"
    for name, invocations in sorted(
        counts.invocations.items(), key=lambda each: -each[1]
    ):
        report.row(table, name)["invocations"] = invocations


def _keeping(report: Report, counts: Counts) -> None:
    table = "keeping, dollars for a million sessions"
    ways = {
        "120 and 90 days, Glacier IR (the defaults)": model.kept(counts),
        "120 days and a year, Glacier IR": model.kept(counts, recording_months=12),
        "400 and 365 days, Standard (before)": model.at_former_defaults(counts),
    }
    for way, lines in ways.items():
        row = report.row(table, way)
        row["table"] = sum(_of(lines, "table kept", "table's recovery"))
        row["logs"] = sum(_of(lines, "logs kept"))
        row["recordings"] = model.total(lines) - row["table"] - row["logs"]
        row["together"] = model.total(lines)


def _designs(report: Report, counts: Counts, without: Counts) -> None:
    table = f"designs, dollars for {MONTHLY / 1e6:g} million sessions a month"
    ours, bare = model.running(counts), model.running(without)
    tutorial = model.tutorial(without)
    server = sum(dollars for _, dollars in model.always_on(MONTHLY, without))
    base = model.total(bare)
    for design, dollars, note in (
        ("Maskline", model.total(ours), "webhooks, events, everything on"),
        ("Maskline, webhooks off", base, "what the two below do, and more"),
        ("a tutorial's functions", model.total(tutorial), "assumptions in model.py"),
        ("a server that is always on", server, "the same with no session at all"),
    ):
        row = report.row(table, design)
        row |= {"dollars": dollars, "beside ours": dollars / base, "": note}
    for sessions in (1e4, 1e5, 3e5, 1e6, 3e6, 1e7):
        plot = "dollars a month by sessions a month"
        millions = sessions / 1e6
        report.point(plot, "Maskline, webhooks off", sessions, base * millions)
        report.point(
            plot, "a tutorial's functions", sessions, model.total(tutorial) * millions
        )
        always = sum(dollars for _, dollars in model.always_on(sessions, without))
        report.point(plot, "a server that is always on", sessions, always)


def _cheaper(report: Report, counts: Counts) -> None:
    """Tell what would bring the bill down, and what it would take."""
    table = "what would make it cheaper, dollars less for a million sessions"
    for way, dollars, price in model.cheaper(counts):
        row = report.row(table, way)
        row |= {"dollars": dollars, "at the price of": price}


def _scale(report: Report, counts: Counts) -> None:
    for yearly in YEARLY:
        table = (
            f"{yearly / 1e6:,.0f} million sessions a year, at four times the average"
        )
        found = scale.needs(counts, yearly)
        for need in found:
            row = report.row(table, need.what)
            row |= {"needed": need.needed, "there": need.there, "used": need.used}
            row["cure"] = need.cure
        first = found[0]
        report.notes.append(
            f"At {yearly / 1e6:,.0f} million a year, {first.what} "
            + (
                f"break first, at {first.used:.1f} times what there is: {first.cure}."
                if first.used > 1
                else f"are nearest to their limit, at {first.used:.0%}."
            )
        )


def _prices(report: Report) -> None:
    table = f"prices in us-east-1, read on {prices.AS_OF}"
    for name, price in prices.PRICES.items():
        row = report.row(table, name)
        row |= {"dollars": f"{price.dollars:.8g}", "for one": price.unit}
        row["where"] = f"<{price.source}>" if price.source else "from memory"


def _why(counts: Counts) -> list[str]:
    bill = {line.name: line.dollars for line in model.running(counts)}
    waits = sum(dollars for name, dollars in bill.items() if "waits" in name)
    changes = counts.invocations.get("publish_changes", 0)
    checks = counts.invocations.get("check_sessions", 0)
    return [
        f"Where the goals are missed: {changes:.0f} invocations a session publish "
        f"changes and {checks:.1f} check what may be left undone, ${waits:.0f} are "
        f"waits for others, ${bill['table reads']:.0f} reads. Another table says what "
        "would be cheaper, and its price.",
    ]


def _of(lines: Iterable[model.Line], *items: str) -> list[float]:
    return [line.dollars for line in lines if line.item in items]


def _over(dollars: float, most: float) -> str:
    return f", ${dollars - most:.0f} over" if dollars > most else ""


# A GB is too much to show for one session.
IN_KB = {"logs": ("logs, KB", 1e6), "transfer out": ("transfer out, KB", 1e6)}

# What the kinds of items are, by their keys.
KINDS = {
    "E": "callbacks",
    "W": "deliveries of webhooks",
    "A STATE": "the session's state",
    "A REQUEST": "the request",
    "A SNAPSHOT": "Plivo's accounts of it",
    "A END": "its end",
    "R": "its recording",
    "C": "its calls",
    "CARRIER": "link from Plivo's session",
    "RECORDING": "link from the recording",
    "P": "links from parties",
    "L": "link from its label",
    "ROUND": "reconciliation",
}
