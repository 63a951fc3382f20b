"""Turn what one session takes into dollars for a million of them, item by item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from proofs.benches.cost.prices import MILLION, MONTH_HOURS, PRICES
from proofs.benches.cost.workload import Counts

# A function has a core of its own with so many MiB, and a share of one with fewer. So a
# second of processor time is billed as so many GB-seconds, whatever its memory is.
CORE_MIB = 1_769
GB_SECONDS_OF_CPU = CORE_MIB / 1_024

# Seconds that a function waits for each; assumed, as no account was asked.
TABLE_WAIT, BUS_WAIT, WEBHOOK_WAIT, PLIVO_WAIT, S3_WAIT = 0.004, 0.01, 0.1, 0.25, 0.2

# Memory of most functions, and of those that wait for Plivo, in GB.
MEMORY, PLIVO_MEMORY = 0.5, 1.0

# A create and an update wait for Plivo. A settlement asks twice, and the reconciler has
# sixteen of them under way at a time.
PLIVO_REQUESTS, SETTLEMENT_REQUESTS, SETTLED_AT_ONCE = 2, 2, 16

# Functions that Plivo's callbacks meet. Dollars for a unit of provisioned writes for an
# hour (from memory), and how much of them is used.
CALLBACKS = ("on_session_event", "on_recording_event")
PROVISIONED_HOUR, USED = 0.00065, 0.5

# Bytes of a line of the API's access log, of an answer of it, and of a webhook, with
# their headers.
ACCESS_LINE, ANSWER, WEBHOOK = 240, 900, 1_600

# A recording of three minutes, in GB; how many are ever fetched; months of retention.
RECORDING_GB = 0.0005
FETCHED = 0.1
RECORDING_MONTHS, TABLE_MONTHS, LOG_MONTHS = 3.0, 4.2, 1.0


@dataclass(frozen=True)
class Line:
    """One item of a bill: how much of it a session takes, and what a million cost."""

    item: str
    quantity: float
    note: str = ""
    part: str = ""

    @property
    def name(self) -> str:
        """Return the item, and which part of it this is."""
        return f"{self.item}, {self.part}" if self.part else self.item

    @property
    def dollars(self) -> float:
        """Return dollars for a million sessions."""
        return self.quantity * PRICES[self.item].dollars * MILLION


def running(counts: Counts) -> list[Line]:
    """Return what it takes to run a session, from its create to its settlement."""
    return [
        Line("API requests", counts.api_requests, "of apps and of Plivo"),
        Line("Lambda requests", sum(counts.invocations.values())),
        Line(
            "Lambda time",
            counts.processor_seconds * GB_SECONDS_OF_CPU,
            f"{counts.processor_seconds * 1_000:.0f} ms of a core",
            "processor",
        ),
        *(
            Line("Lambda time", seconds, "assumed", f"waits for {what}")
            for what, seconds in _waits(counts).items()
        ),
        Line("table writes", sum(counts.writes.values()), "indexes included"),
        Line("table reads", counts.reads, "by the size of the answers"),
        Line("bus events", counts.events),
        Line("queue requests", _queue_requests(counts), "send, receive, delete"),
        Line("logs", _log_gb(counts), "access log included"),
        Line("transfer out", _transfer_gb(counts)),
    ]


def kept(
    counts: Counts,
    *,
    months: float = TABLE_MONTHS,
    recording_months: float = RECORDING_MONTHS,
    cold: bool = True,
) -> list[Line]:
    """Return what it costs to keep a session and its recording."""
    table = counts.kept_bytes / 1e9 * months
    lines = [
        Line("table kept", table, f"{counts.kept_bytes / 1_000:.1f} KB"),
        Line("table's recovery", table),
        Line("logs kept", _log_gb(counts) * LOG_MONTHS * 0.15),
    ]
    stored = RECORDING_GB * recording_months
    if not cold:
        return [*lines, Line("put, Standard", 1), Line("kept, Standard", stored)]
    return [
        *lines,
        Line("put, Glacier IR", 1),
        Line("kept, Glacier IR", stored),
        Line("get, Glacier IR", FETCHED),
        Line("read, Glacier IR", RECORDING_GB * FETCHED),
    ]


def tutorial(counts: Counts) -> list[Line]:
    """Return what a tutorial's design takes for the same, without webhooks to apps.

    One function for each route and callback with Tracer, a resolver with validation, an
    idempotency store (two writes and a read for what changes something), and a session
    that is one item with a growing list of events: the n-th event rewrites n of them.
    It logs each event that it gets and keeps Lambda's own lines. Of processor time it
    takes 3.2 times ours for each request (docs/benchmarks.md has what was measured).
    """
    requests = counts.api_requests
    events = counts.writes.get("E", 8.0)
    item = 1.5 + 0.57 * events / 2
    share = requests / sum(counts.invocations.values())
    cpu = counts.processor_seconds * share * 3.2
    waits = 2 * PLIVO_WAIT * PLIVO_MEMORY + requests * 4 * TABLE_WAIT * MEMORY
    return [
        Line("API requests", requests),
        Line("Lambda requests", requests),
        Line("Lambda time", cpu * GB_SECONDS_OF_CPU + waits),
        Line("table writes", 3 * 2 + 2 * 1.5 + events * (item + 2)),
        Line("table reads", requests * 2),
        Line("logs", requests * (2_500 + 700 + ACCESS_LINE) / 1e9),
        Line("traces", requests),
        Line("transfer out", requests * ANSWER / 1e9),
    ]


def always_on(sessions_a_month: float, counts: Counts) -> list[tuple[str, float]]:
    """Return what a server costs a month: two tasks, a balancer, a database.

    It keeps the same data for as long and logs as much.
    """
    hours = MONTH_HOURS
    price = {name: each.dollars for name, each in PRICES.items()}
    requests = counts.api_requests * sessions_a_month / (hours * 3_600)
    tasks = 2 * max(1.0, requests / 100)
    disk = counts.kept_bytes * 2 / 1e9 * sessions_a_month * TABLE_MONTHS
    return [
        (
            f"{tasks:.0f} tasks of half a core and 1 GB",
            tasks * hours * (0.5 * price["Fargate vCPU"] + price["Fargate memory"]),
        ),
        (
            "load balancer",
            hours
            * (
                price["load balancer"]
                + max(1, requests / 25) * price["load balancer's units"]
            ),
        ),
        (
            "PostgreSQL in two zones",
            hours * price["PostgreSQL, db.t4g.medium in two zones"]
            + max(20, disk) * price["PostgreSQL's disk in two zones"],
        ),
        ("logs", _log_gb(counts) * price["logs"] * sessions_a_month),
    ]


def cheaper(counts: Counts) -> list[tuple[str, float, str]]:
    """Return what is not done: a way, the dollars that it saves, and its price."""
    writes = sum(counts.writes.values()) * PRICES["table writes"].dollars * MILLION
    provisioned = PROVISIONED_HOUR / 3_600 / USED / PRICES["table writes"].dollars
    callbacks = sum(counts.invocations.get(name, 0) for name in CALLBACKS)
    changes = counts.invocations.get("publish_changes", 0)
    each = PRICES["Lambda requests"].dollars * MILLION
    return [
        (
            "callbacks of Plivo to the URL of a function, past the API",
            callbacks * PRICES["API requests"].dollars * MILLION,
            "two hosts, and no throttle or access log before them",
        ),
        (
            "webhooks from the stream into their queue, past the bus",
            counts.deliveries * PRICES["bus events"].dollars * MILLION,
            "only where no rule of your own wants the events (BusEvents)",
        ),
        (
            f"provisioned capacity of the table, {USED:.0%} used",
            writes * (1 - provisioned),
            "capacity to be planned; what comes above it is throttled",
        ),
        (
            "changes of the stream in batches of five",
            changes * 0.8 * (each + 330 / 1e9 * PRICES["logs"].dollars * MILLION),
            "events up to a second later (a batching window)",
        ),
    ]


def without_lambdas_lines(counts: Counts) -> float:
    """Return dollars for a million sessions that Lambda's own lines would add."""
    size = sum(counts.invocations.values()) * 390
    return size / 1e9 * PRICES["logs"].dollars * MILLION


def total(lines: Iterable[Line]) -> float:
    """Return dollars for a million sessions."""
    return sum(line.dollars for line in lines)


def at_former_defaults(counts: Counts) -> list[Line]:
    """Return what it cost to keep a session by the defaults of before."""
    return kept(counts, months=13.4, recording_months=12.0, cold=False)


def with_more(counts: Counts, **changed: float | Mapping[str, float]) -> Counts:
    """Return other counts."""
    return replace(counts, **changed)  # type: ignore[arg-type]


def _waits(counts: Counts) -> dict[str, float]:
    """Return the GB-seconds that functions wait for others."""
    table = (counts.read_requests + sum(counts.writes.values())) * TABLE_WAIT
    others = counts.events * BUS_WAIT + S3_WAIT
    plivo = PLIVO_REQUESTS + SETTLEMENT_REQUESTS / SETTLED_AT_ONCE
    return {
        "Plivo": plivo * PLIVO_WAIT * PLIVO_MEMORY,
        "apps": counts.deliveries * WEBHOOK_WAIT * MEMORY,
        "AWS": (table + others) * MEMORY,
    }


def _queue_requests(counts: Counts) -> float:
    """Count a send for each message, and a receive and a delete for each batch."""
    batches = sum(
        counts.invocations.get(name, 0)
        for name in ("deliver_webhook", "check_sessions", "store_recording")
    )
    messages = counts.deliveries + sum(
        counts.invocations.get(name, 0)
        for name in ("check_sessions", "store_recording")
    )
    return messages + 2 * batches


def _log_gb(counts: Counts) -> float:
    return (counts.log_bytes + counts.api_requests * ACCESS_LINE) / 1e9


def _transfer_gb(counts: Counts) -> float:
    return (counts.api_requests * ANSWER + counts.deliveries * WEBHOOK) / 1e9
