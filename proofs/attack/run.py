"""Send every bad request to one stack, then search for what leaked."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from proofs.attack import evidence, generated, internal_urls, pii_scan
from proofs.attack.bad_requests import (
    FAILED,
    LET_IN,
    REFUSED,
    BadRequest,
    distinct,
    sample,
)
from proofs.attack.bodies import Bodies
from proofs.attack.by_hand import ByHand
from proofs.attack.forgeries import Forgeries
from proofs.attack.target import Answer, Target, prepared
from proofs.attack.victim import ids_of
from proofs.http_listener import HttpListener
from proofs.report import Report
from proofs.runner import Progress, run_workers
from stack.running import RunningStack

# Numbers in the bad requests; see the modules that make them.
NUMBERS = tuple(pii_scan.number(ordinal) for ordinal in range(21, 31))

TABLE = "requests"
TRIED, LEAKED = "tried", "leaked"
OUTCOMES = (TRIED, REFUSED, LEAKED, LET_IN, FAILED)

ALL_REFUSED = "every bad request is refused"
NONE_FAILED = "no bad request is answered 5xx"
NONE_LEAKED = "no number of a bad request comes out"
NONE_INSIDE = "no URL leads inside"
NONE_KEPT = "no forged callback is kept"

LEAST = 5_000
WAIT_SECONDS = 900.0


@dataclass
class Findings:
    """What became of the requests, as rows and checks of a report."""

    report: Report = field(default_factory=lambda: Report("attack"))

    @property
    def tried(self) -> int:
        """Return how many requests there were."""
        rows = self.report.tables.get(TABLE, {}).values()
        return sum(row[TRIED] for row in rows)

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count what became of requests of a kind."""
        row = self.report.row(TABLE, kind)
        if not row:
            row.update(dict.fromkeys(OUTCOMES, 0))
        row[outcome] += number

    def answered(self, request: BadRequest, answer: Answer) -> None:
        """Check and count the answer to a request."""
        outcome = request.outcome(answer)
        self.count(request.kind, TRIED)
        self.count(request.kind, outcome)
        asked = f"{request.method} {request.path[:120]} {request.body[:80]!r}"
        case = f"{request.kind}: {asked} -> {answer.status} {answer.body[:300]}"
        self.report.check(outcome != LET_IN, ALL_REFUSED, case)
        self.report.check(outcome != FAILED, NONE_FAILED, case)
        self.search(request.kind, request.kind, f"{dict(answer.headers)} {answer.body}")

    def search(self, kind: str, source: str, text: str) -> None:
        """Search a text for the numbers of the bad requests."""
        found = list(pii_scan.found_in(source, text, NUMBERS))
        for each in found:
            self.count(kind, LEAKED)
            case = f"{each.source}: {each.form}: {each.around}"
            self.report.check(False, NONE_LEAKED, case)
        if not found:
            self.report.check(True, NONE_LEAKED, source)

    def finish(self, least: int) -> Report:
        """Check that there were enough requests; return the report."""
        name = f"at least {least:,} bad requests were sent"
        self.report.check(self.tried >= least, name, f"{self.tried:,} sent")
        for outcome in OUTCOMES:
            rows = self.report.tables[TABLE].items()
            total = sum(row[outcome] for kind, row in rows if kind != "all")
            self.count("all", outcome, total)
        return self.report


@dataclass(frozen=True)
class Attack:
    """One run: how many requests are generated, and at most sent of each kind."""

    stack: RunningStack
    generated: int = 3_000
    most_of_a_kind: int | None = None
    least: int = LEAST
    workers: int = 4
    seed: int = 1
    progress: Progress = print

    def run(self) -> Report:
        """Attack, and report."""
        findings = Findings()
        target = prepared(self.stack)
        evidence.watch(self.stack)
        ids = ids_of(target)
        ours, other = ids["session_uuid"], ids_of(target)["session_uuid"]
        before = _kept(target, ours), _kept(target, other)
        for requests in (
            ByHand(target, ids).requests(),
            Bodies(target, ids).requests(),
            Forgeries(target, ours, other).requests(),
            generated.requests(target, self.generated, self.seed),
        ):
            self._send_all(target, findings, requests)
        self._lead_inside(target, findings)
        after = _kept(target, ours), _kept(target, other)
        case = f"callbacks kept: {before} before, {after} after"
        findings.report.check(before == after, NONE_KEPT, case)
        self.progress("searching for what leaked")
        ledger = target.simulator("GET", "ledger")["requests"]
        for piece in evidence.gathered(self.stack, ledger):
            kind = piece.source.partition(" ")[0]
            findings.search(kind, piece.source, piece.text)
        return findings.finish(self.least)

    def _send_all(
        self, target: Target, findings: Findings, requests: Iterable[BadRequest]
    ) -> None:
        lock = threading.Lock()

        def send(request: BadRequest) -> tuple[()]:
            answer = target.send(
                request.method, request.path, request.headers, request.body
            )
            with lock:
                findings.answered(request, answer)
            return ()

        chosen = iter(self._choose(requests))
        run_workers(chosen, send, workers=self.workers, seconds=WAIT_SECONDS)
        rows = ", ".join(findings.report.tables[TABLE])
        self.progress(f"{findings.tried:,} tried: {rows}")

    def _choose(self, requests: Iterable[BadRequest]) -> Iterable[BadRequest]:
        """Return each request once, and of each kind as many as are wanted."""
        if self.most_of_a_kind is None:
            return distinct(requests)
        return sample(requests, self.most_of_a_kind, self.seed)

    def _lead_inside(self, target: Target, findings: Findings) -> None:
        address = internal_urls.private_address()
        if address is None:
            self.progress("no private address here: nothing was led inside")
            return
        with HttpListener(host=address) as canary:
            self._send_all(target, findings, internal_urls.requests(target, canary))
            tried, reached = internal_urls.reached(target, canary)
        findings.count("inside", TRIED, tried)
        findings.count("inside", LET_IN, reached)
        findings.count("inside", REFUSED, tried - min(reached, tried))
        case = f"{reached} requests came in by {tried} URLs"
        findings.report.check(reached == 0, NONE_INSIDE, case)


def _kept(target: Target, session_uuid: str) -> int:
    return len(target.services.stores.callbacks.of_session(session_uuid))


def prove(stack: RunningStack, progress: Progress, **options: Any) -> Report:
    """Attack once; *options* are fields of `Attack`."""
    return Attack(stack, progress=progress, **options).run()
