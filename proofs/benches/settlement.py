"""Measure settlement: requests to Plivo, sessions a second, and many sessions beside.

Beside it stands the design that it replaced: ten requests a session, one after the
other. Plivo is a server on this machine that answers after a set delay; the table is
one of the embedded AWS.
"""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from masking.api import callback_requests
from masking.domain.sessions import Session, Status
from masking.lifecycle.reconcile import Reconciler
from masking.plivo.account import Account
from masking.plivo.client import Carrier
from masking.storage import session_items
from masking.storage.stores import Stores
from masking.storage.table import Table, written_item
from masking.wiring import Services
from proofs.harness import services_of
from proofs.report import Report
from proofs.runner import progress_lines
from proofs.units.meter import Meter
from proofs.units.operations import BATCH, table_properties
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

# How long Plivo takes to answer (seconds), and how often it is asked in a second.
ANSWERS_AFTER = 0.25
PER_SECOND = 20

# Sessions that are settled at that rate, and those that the serial design settles.
AT_ONCE = 160
SERIAL = 3

SIZES = (200, 2_000, 20_000)

# Sessions of which each cost is the median.
OF_EACH = 15

# Of 15 minutes a run takes 14, and begins nothing in the last half.
BUSY = 13.5 / 15
YEAR = 365 * 86_400

REQUESTS = "a session takes 2 requests to Plivo"
RATE = "settling keeps up with the rate: 8 of 10 sessions a second that it allows"
FASTER = "settling is 10 times as fast as one request after the other"
FLAT = "a settlement costs the same units however many sessions there are"
FLAT_CPU = "and the same CPU, within half"

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIR = ("+12025550100", "+12025550101")
ACCOUNT = "MAXXXXXXXXXXXXXXXXXX"


@dataclass
class Plivo:
    """A Plivo that knows sessions by how many calls they had; it notes requests."""

    after: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    asked_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        """Return how many requests there were."""
        return len(self.asked_at)

    def answer(self, path: str) -> dict[str, Any]:
        """Answer a request, in Plivo's time."""
        with self.lock:
            self.asked_at.append(time.monotonic())
        time.sleep(self.after)
        name = path.rstrip("/").rpartition("/")[2]
        if "/Masking/" in path:
            return {"api_id": name, "response": self._session(name)}
        at = {"answer_time": _go(BEGAN), "end_time": _go(BEGAN, 60)}
        cost = {"call_duration": 60, "billed_duration": 60, "total_amount": "0.01000"}
        return {"call_uuid": name, **at, **cost, "hangup_cause_code": 4000}

    def _session(self, name: str) -> dict[str, Any]:
        count = self.calls[name]
        return {
            "session_uuid": name,
            "status": "expired",
            "virtual_number": "12025550180",
            "expiry_time": _go(BEGAN, 7_200),
            "total_call_count": 2 * count,
            "total_call_amount": 0.02 * count,
            "interaction": [self._call(number) for number in range(count)],
        }

    def _call(self, number: int) -> dict[str, Any]:
        began = 100 * number
        calls = f"https://api.plivo.com/v1/Account/{ACCOUNT}/Call"
        return {
            "start_time": _go(BEGAN, began),
            "end_time": _go(BEGAN, began + 70),
            "first_party_resource_url": f"{calls}/{uuid.UUID(int=1)}/",
            "second_party_resource_url": f"{calls}/{uuid.UUID(int=2)}/",
            "first_party_status": "completed",
            "second_party_status": "completed",
            "total_call_amount": 0.02,
            "call_billed_duration": 180,
            "duration": 130,
        }


@dataclass
class Bench:
    """Sessions on a table of their own, whose time is moved by hand."""

    stack: RunningStack
    plivo: Plivo
    origin: str
    now: datetime = BEGAN + timedelta(hours=4)

    def __post_init__(self) -> None:
        """Make the table."""
        self.dynamodb = self.stack.aws.client("dynamodb")
        self.name = f"settlement-{uuid.uuid4()}"
        self.dynamodb.create_table(TableName=self.name, **table_properties())

    def services(self) -> Services:
        """Return what the function works with."""
        services = services_of(
            self.stack,
            lambda: self.now,
            CarrierBaseUrl=self.origin,
            CarrierRequestsPerSecond=str(PER_SECOND),
        )
        services.stores = Stores(Table(self.dynamodb, self.name, timedelta(days=400)))
        return services

    def due(self, count: int, calls: int, *, lost: str = "") -> list[Session]:
        """Write sessions that are to be settled, with the callbacks of their calls.

        Those of the event that is *lost* never came.
        """
        made = [self._session(calls) for _ in range(count)]
        self.put(made)
        callbacks = self.services().stores.callbacks
        for session in made:
            for pairs in _callbacks(calls):
                if ("EventName", lost) not in pairs:
                    callbacks.put(
                        session.session_uuid,
                        callback_requests.digest_of(pairs),
                        kind="events",
                        tenant_id=session.tenant_id,
                        attempt=1,
                        attributes=callback_requests.attributes_of(pairs),
                        received_at=BEGAN,
                    )
        return made

    def put(self, made: Sequence[Session]) -> None:
        """Write sessions as they are."""
        purge_at = int((BEGAN + timedelta(days=400)).timestamp())
        wanted = [
            {
                "PutRequest": {
                    "Item": written_item(session_items.state_item(s, purge_at))
                }
            }
            for s in made
        ]
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            self.dynamodb.batch_write_item(RequestItems={self.name: some})

    def _session(self, calls: int) -> Session:
        session = Session(
            session_uuid=str(uuid.uuid4()),
            tenant_id="tenant-1",
            status=Status.EXPIRED,
            version=3,
            attempt=1,
            request_hash="",
            base_url="https://masks.example.com",
            reserved_at=BEGAN,
            carrier_session_uuid=str(uuid.uuid4()),
            virtual_number="+12025550180",
            created_time=BEGAN,
            expiry_time=BEGAN + timedelta(hours=2),
            settle_at=BEGAN + timedelta(hours=2, minutes=5),
            answered=dict(zip(("first_party", "second_party"), PAIR, strict=True)),
        )
        self.plivo.calls[str(session.carrier_session_uuid)] = calls
        return session

    @cached_property
    def reconciler(self) -> Reconciler:
        """Return what settles one session, with connections that are open."""
        return self.services().reconciler

    def settle(self, session: Session) -> None:
        """Settle a session: two fetches a quarter of an hour apart."""
        for _ in range(2):
            self.reconciler.work_off(session.session_uuid)
            self.now += timedelta(minutes=15)

    def settle_serially(self, made: Sequence[Session]) -> None:
        """Ask Plivo for sessions as the design before did, and keep nothing."""
        carrier = Carrier(auth_id=ACCOUNT, auth_token="t", base_url=self.origin)  # noqa: S106
        account = Account(carrier)
        for session in [*made, *made]:
            there = str(session.carrier_session_uuid)
            for call in carrier.get(there).totals["interaction"]:
                for party in ("first_party", "second_party"):
                    account.leg(call[f"{party}_resource_url"])
            carrier.recorded_calls(there)
            # The record of a recording.
            account.leg(f"/Call/{uuid.uuid4()}/")


def run() -> Report:
    """Measure on a stack of its own, and check the goals."""
    progress = progress_lines()
    plivo = Plivo()
    with (
        tempfile.TemporaryDirectory(prefix="maskline-bench-") as folder,
        served(plivo) as origin,
        Stack(free_addresses(), Path(folder), report=progress) as stack,
    ):
        return measure(Bench(stack.running, plivo, origin))


def measure(
    bench: Bench, *, at_once: int = AT_ONCE, sizes: Sequence[int] = SIZES
) -> Report:
    """Measure requests, speed and flatness."""
    report = Report("bench settlement")
    _count_requests(bench, report)
    _time_runs(bench, report, at_once)
    _weigh_sizes(bench, report, sizes)
    return report


def _count_requests(bench: Bench, report: Report) -> None:
    row = report.row("requests to Plivo for a session", "settlement")
    for column, calls, lost, expected in (
        ("no call", 0, "", 2),
        ("one call", 1, "", 2),
        ("three calls", 3, "", 2),
        ("one call, a callback lost", 1, "SessionFirstPartyHangup", 4),
    ):
        made = bench.due(1, calls, lost=lost)
        before = bench.plivo.requests
        bench.settle(made[0])
        row[column] = bench.plivo.requests - before
        case = f"{column}: {row[column]}"
        report.check(row[column] == expected, REQUESTS if not lost else LEGS, case)
    made = bench.due(1, 1)
    before = bench.plivo.requests
    bench.settle_serially(made)
    serial = report.row("requests to Plivo for a session", "the serial design")
    serial["one call"] = bench.plivo.requests - before


LEGS = "and one more for each leg that callbacks don't tell of"


def _time_runs(bench: Bench, report: Report, at_once: int) -> None:
    """Settle many in runs as the function does them, at Plivo's pace."""
    bench.due(at_once, 1)
    few = bench.due(SERIAL, 1)
    bench.settle_serially(few[:1])
    bench.plivo.after = ANSWERS_AFTER
    rates = []
    for _ in range(2):
        before = bench.plivo.requests
        bench.services().reconcile_sessions(lambda: True).work()
        # What a limit gives at once, when it is new, is not its rate.
        steady = bench.plivo.asked_at[(before + bench.plivo.requests) // 2 :]
        rates.append((len(steady) - 1) / (steady[-1] - steady[0]))
        bench.now += timedelta(minutes=15)
    rate = statistics.mean(rates)
    began = time.monotonic()
    bench.settle_serially(few)
    serial = SERIAL / (time.monotonic() - began)
    bench.plivo.after = 0.0
    ours = rate / 2
    table = f"sessions settled, Plivo answers after {ANSWERS_AFTER * 1_000:.0f} ms"
    for name, each in (("ours", ours), ("the serial design", serial)):
        row = report.row(table, name)
        row["a second"] = each
        # Of a pace above the rate nothing is to be had for long.
        row["millions a year"] = min(each, PER_SECOND / 2) * BUSY * YEAR / 1e6
    report.row(table, "ours")["ratio"] = ours / serial
    allowed = PER_SECOND / 2
    report.check(ours >= 0.8 * allowed, RATE, f"{ours:.1f} of {allowed:.0f}")
    report.check(ours >= 10 * serial, FASTER, f"{ours / serial:.1f} times")


def _weigh_sizes(bench: Bench, report: Report, sizes: Sequence[int]) -> None:
    """Settle some of few and of many sessions; compare units and CPU."""
    meter = Meter(bench.dynamodb)
    there = 0
    units: list[tuple[float, float]] = []
    cpu: list[float] = []
    for size in sizes:
        bench.put(
            [
                replace(bench._session(0), status=Status.ACTIVE, settle_at=None)
                for _ in range(size - there)
            ]
        )
        there = size
        made = bench.due(OF_EACH, 1)
        times = []
        with meter.measuring() as used:
            for session in made:
                began = time.thread_time()
                bench.settle(session)
                times.append(time.thread_time() - began)
        units.append((used.write / OF_EACH, used.read / OF_EACH))
        cpu.append(statistics.median(times) * 1_000)
        row = report.row("one settlement", f"{size:,} sessions")
        row["write units"], row["read units"] = units[-1]
        row["CPU ms"] = cpu[-1]
        report.point("write units of a settlement", "ours", size, units[-1][0])
        report.point("CPU of a settlement (ms)", "ours", size, cpu[-1])
    report.check(len(set(units)) == 1, FLAT, str(units))
    report.check(max(cpu) <= 1.5 * min(cpu), FLAT_CPU, str(cpu))


@contextmanager
def served(plivo: Plivo) -> Iterator[str]:
    """Serve a Plivo while the block runs; yield its origin."""

    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps(plivo.answer(self.path.partition("?")[0])).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _callbacks(calls: int) -> Iterator[list[tuple[str, str]]]:
    """Yield the callbacks of so many calls of 60 seconds, as pairs."""
    leg = {"Duration": "60", "BilledDuration": "60", "Amount": "0.01"}
    first = {"Duration": "70", "BilledDuration": "120", "Amount": "0.01"}
    whole = {"Duration": "60", "BilledDuration": "180", "Amount": "0.02"}
    ends = {"PlivoHangupCause": "Normal Hangup", "PlivoHangupCauseCode": "4000"}
    number = 0
    for call in range(calls):
        for name, second, more in (
            ("SessionFirstPartyAnswer", 0, {}),
            ("SessionSecondPartyRing", 2, {}),
            ("SessionSecondPartyAnswer", 10, {}),
            ("SessionFirstPartyHangup", 70, first | ends),
            ("SessionSecondPartyHangup", 70, leg | ends),
            ("SessionPartiesHangup", 70, whole | ends),
        ):
            number += 1
            at = BEGAN + timedelta(seconds=100 * call + second)
            yield list(
                {
                    "EventName": name,
                    "EventTimestamp": f"{at:%Y-%m-%d %H:%M:%S}",
                    "SequenceNumber": str(number),
                    "From": PAIR[0],
                    "To": PAIR[1],
                    **more,
                }.items()
            )


def _go(at: datetime, seconds: int = 0) -> str:
    """Write a time as Plivo's API does."""
    return re.sub(r"\+00:00$", " +0000 UTC", f"{at + timedelta(seconds=seconds)}")
