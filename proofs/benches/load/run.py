"""Measure latency and loss under constant arrival, and what happens past the limit.

Requests are sent when they are due, whether or not earlier ones were answered, and
latency counts from then.
Sessions are created, updated, called, recorded and read at rising rates; then creates
alone, an empty function in their place, and more creates than the machine can take.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plivo_simulator import account
from proofs.alarms.virtual_time import VirtualTime
from proofs.benches.load import empty_function
from proofs.benches.load.arrivals import Arrival, Sent, percentile, send_all
from proofs.benches.load.journeys import SKIPPED, Journeys
from proofs.benches.load.processes import Usage, usage
from proofs.creates.plan import pair
from proofs.faults import arm
from proofs.harness import api_client, http_client, simulator_client
from proofs.report import Report
from proofs.runner import progress_lines
from stack.addresses import free_addresses
from stack.aws.burst_limit import MOST
from stack.running import RunningStack
from stack.stack import Stack

REFUSED = "429"

TOGETHER = "everything together"

NO_ERROR = "at no rate does a request fail; beyond the limit it is 429"
NOT_CROSSED = "no answer shows what belongs to another session"
NOT_LOST = "each call's events and recording are kept"
BOUNDED = f"past the limit at most {MOST} processes work"
RECOVERED = "right after it, the median of creates is at most 5 times that of before"

MOST_AFTER = 5.0

# Within so many seconds the stream's reader sees what was written.
STREAM_SECONDS = 1.0

# Processes of functions that may be idle beside those that work.
MOST_IDLE = 40


@dataclass(frozen=True)
class Size:
    """Rates in requests a second, each for *seconds*, and how often Plivo is timed."""

    mixed: Sequence[float] = (2, 5, 10)
    creates: Sequence[float] = (5, 10, 20)
    empty: Sequence[float] = (5, 10, 20, 40, 80)
    overload: float = 100
    seconds: float = 8
    answer_delay: float = 0.3
    timed: int = 20


SMALL = Size((4,), (5,), (5,), 100, 4, 0.1, 3)


def run(size: Size | None = None) -> Report:
    """Measure on a stack of its own."""
    progress = progress_lines()
    with (
        tempfile.TemporaryDirectory(prefix="maskline-load-") as folder,
        Stack(free_addresses(), Path(folder)) as stack,
    ):
        load = _Load(stack.running, stack.aws_pid, size or Size(), progress)
        return load.measure()


@dataclass
class _Load:
    stack: RunningStack
    emulator: int
    size: Size
    progress: Callable[[str], None]
    report: Report = field(default_factory=lambda: Report("bench load"), init=False)
    # The number of the next pair; before it are numbers that the simulator rents.
    people: int = field(default=100, init=False)

    def measure(self) -> Report:
        empty_function.deploy(self.stack)
        with self._journeys(40) as warming:
            send_all(list(warming.arrivals(4, 24)))
            warming.callbacks()
        self._quiet()
        for rate in self.size.mixed:
            self._mixed(rate)
        before = [self._creates(rate) for rate in self.size.creates]
        self._empty()
        self._overload(statistics.median(_good(before[0])))
        self._beside_plivo()
        return self.report

    def _quiet(self) -> None:
        """Wait until what was set off is done: it belongs to what set it off."""
        time.sleep(STREAM_SECONDS)
        waiting = VirtualTime.of(self.stack)
        try:
            waiting.wait()
        finally:
            waiting.client.close()

    def _mixed(self, rate: float) -> None:
        count = int(rate * self.size.seconds)
        with self._journeys(count) as journeys:
            sent = send_all(list(journeys.arrivals(rate, count)))
            for kind in ("create", "update", "read"):
                self._row(TOGETHER, kind, rate, _of(kind, sent))
            callbacks = journeys.callbacks()
            self._callbacks(rate, callbacks)
            called, lost = journeys.lost(callbacks)
            self._check_crossed(journeys)
        self._quiet()
        case = f"{lost} of {called} calls lost any at {rate:g} creates a second"
        self.report.check(not lost, NOT_LOST, case)

    def _callbacks(self, rate: float, callbacks: Iterable[dict[str, Any]]) -> None:
        attempts = [each["attempts"][-1] for each in callbacks if each["attempts"]]
        sent = [
            Sent("callback", 0, each["seconds"], str(each["status"] or each["error"]))
            for each in attempts
        ]
        self._row(TOGETHER, "callback", rate, sent)

    def _creates(self, rate: float) -> list[Sent]:
        count = int(rate * self.size.seconds)
        with self._journeys(count) as journeys:
            before = usage(self.emulator)
            sent = send_all([journeys.create(n, n / rate) for n in range(count)])
            self._quiet()
            self._processors("create", rate, before, count)
            self._check_crossed(journeys)
        self._row("one kind alone", "create", rate, sent)
        return sent

    def _empty(self) -> None:
        with api_client(self.stack) as api:

            def send() -> str:
                answer = api.post(empty_function.PATH, json={})
                return str(answer.status_code)

            for rate in self.size.empty:
                count = int(rate * self.size.seconds)
                before = usage(self.emulator)
                sent = send_all(
                    [Arrival(n / rate, "empty", send) for n in range(count)]
                )
                self._processors("empty function", rate, before, count)
                self._row("one kind alone", "empty function", rate, sent)

    def _overload(self, before: float) -> None:
        rate, count = self.size.overload, int(self.size.overload * self.size.seconds)
        with self._journeys(count + 100) as journeys:
            began = time.monotonic()
            sent = send_all([journeys.create(n, n / rate) for n in range(count)])
            seconds = time.monotonic() - began
            processes = usage(self.emulator).processes
            slow = self.size.creates[0]
            later = send_all(
                [
                    journeys.create(count + n, n / slow)
                    for n in range(int(slow * self.size.seconds))
                ]
            )
            self._check_crossed(journeys)
        refused = [each.latency for each in sent if each.answer == REFUSED]
        self._row("past the limit", "create", rate, sent)
        self.report.row("past the limit", f"create, {rate:g} a second").update(
            {
                "created a second": len(_good(sent)) / seconds,
                "p50 ms of a refusal": 1_000 * percentile(refused, 0.5),
                "processes": processes,
            }
        )
        self._row("past the limit", "right after", slow, later)
        case = f"{processes} processes, idle ones among them"
        self.report.check(processes <= MOST + MOST_IDLE, BOUNDED, case)
        ratio = statistics.median(_good(later)) / before if _good(later) else 0
        self.report.check(0 < ratio <= MOST_AFTER, RECOVERED, f"{ratio:.2f} times")

    def _beside_plivo(self) -> None:
        """Time creates through us and at Plivo alone, in turns."""
        taken: dict[str, list[float]] = {"Plivo alone": [], "through Maskline": []}
        plivo = http_client(self.stack.addresses.plivo_url)
        plivo.auth = (account.AUTH_ID, account.AUTH_TOKEN)
        path = f"/v1/Account/{account.AUTH_ID}/Masking/Session/"
        simulator = simulator_client(self.stack)
        with api_client(self.stack) as api, plivo, simulator:
            arm(simulator, {"create_slow": {"seconds": self.size.answer_delay}})
            for number in range(self.size.timed):
                for way, client, where in (
                    ("Plivo alone", plivo, path),
                    ("through Maskline", api, "/v1/sessions"),
                ):
                    self.people += 1
                    first, second = pair(self.people)
                    body = {"first_party": first, "second_party": second}
                    began = time.monotonic()
                    client.post(where, json=body).raise_for_status()
                    if number:
                        taken[way].append(time.monotonic() - began)
            arm(simulator, {})
        alone, through = (statistics.median(each) for each in taken.values())
        title = f"a create, Plivo answering after {self.size.answer_delay * 1_000:g} ms"
        for way, seconds in taken.items():
            self.report.row(title, way)["median ms"] = 1_000 * statistics.median(
                seconds
            )
            self.report.row(title, way)["ratio"] = statistics.median(seconds) / alone
        self.report.row(title, "what Maskline adds")["median ms"] = 1_000 * (
            through - alone
        )

    def _row(self, table: str, kind: str, rate: float, sent: Sequence[Sent]) -> None:
        name = f"{kind}, {rate:g} a second"
        good = _good(sent)
        self._check_errors(name, sent)
        row = self.report.row(table, name)
        row["requests"] = len(sent)
        for share in (50, 95, 99):
            row[f"p{share} ms"] = 1_000 * percentile(good, share / 100)
        row["refused"] = sum(each.answer == REFUSED for each in sent)
        unit = "creates" if table == TOGETHER else "requests"
        plot = f"ms, {table}, by {unit} a second"
        if good and not table.startswith("past"):
            for share in (50, 95):
                value = 1_000 * percentile(good, share / 100)
                self.report.point(plot, f"{kind}, p{share}", rate, value)
        self.progress(f"{table}: {name}: {row['p50 ms']:.0f} ms in the median")

    def _check_errors(self, name: str, sent: Sequence[Sent]) -> None:
        answers = Counter(
            each.answer
            for each in sent
            if not each.ok and each.answer not in (REFUSED, SKIPPED)
        )
        case = f"{name}: {dict(answers)}" if answers else "0 errors"
        self.report.check(not answers, NO_ERROR, case)

    def _check_crossed(self, journeys: Journeys) -> None:
        case = "; ".join(journeys.crossed[:3]) or "0 crossed"
        self.report.check(not journeys.crossed, NOT_CROSSED, case)

    def _processors(self, kind: str, rate: float, before: Usage, count: int) -> None:
        """Tell who took the processors' time, and who is at its end first."""
        taken = usage(self.emulator).since(before)
        row = self.report.row("processor ms of a request", f"{kind}, {rate:g} a second")
        row |= {part: 1_000 * seconds / count for part, seconds in taken.items()}
        if kind != "create" or rate != self.size.creates[-1]:
            return
        cores = len(os.sched_getaffinity(0))
        all_together = cores * count / sum(taken.values())
        emulator = count / taken["emulator"]
        first = "the machine" if all_together < emulator else "the emulator"
        self.report.notes.append(
            f"The bottleneck of creates is {first}: {cores} cores are busy at "
            f"{all_together:.0f} a second, and the emulator, one interpreter, is at "
            f"{emulator:.0f}. Our functions take "
            f"{taken['functions'] / sum(taken.values()):.0%} of the processor time of "
            "a create; on AWS they have cores of their own, and there is no emulator."
        )

    @contextmanager
    def _journeys(self, people: int) -> Iterator[Journeys]:
        journeys = Journeys(self.stack, self.people)
        self.people += people
        try:
            yield journeys
        finally:
            journeys.close()


def _of(kind: str, sent: Iterable[Sent]) -> list[Sent]:
    return [each for each in sent if each.kind == kind]


def _good(sent: Iterable[Sent]) -> list[float]:
    return [each.latency for each in sent if each.ok]
