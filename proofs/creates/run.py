"""Run the clients under faults and kills on one stack, and check what came of it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from masking.domain import sessions
from proofs import faults
from proofs.creates import plan
from proofs.creates.checks import Evidence, check_all
from proofs.creates.clients import LONGEST_PAUSE, Clients, Task
from proofs.creates.fast_forward import end_leases
from proofs.faults import FaultInjector
from proofs.harness import (
    api_client,
    await_stream,
    get_json,
    invoke,
    messages_in,
    simulator_client,
)
from proofs.report import Report
from proofs.runner import Progress, in_background, wait_for
from stack.aws.initial_data import TENANT
from stack.running import RunningStack

# A run of so many creates is a full one, and waits as the service does.
FULL = 2_000

ADJUST_SECONDS = 1.0
PROGRESS_SECONDS = 20.0
LEAST_STRUCK = 20

# Of a run that is too small for that, each kind of fault strikes once for so many.
CREATES_PER_STRIKE = 75

KILLED = ("create_session", "update_session", "expire_session", "publish_changes")

CREATES_PER_KILL = 25

# Longer than the longest lease, and than the delay of the queue of checks.
LEASE_SECONDS = sessions.LEASE.total_seconds() + 2
CHECKS_SECONDS = 600.0
MOST_PASSES = 10

# What a reconciliation reports of due work that it is too early to do.
TOO_EARLY = {"left", "waiting"}

# A function may fail on a machine that has too much to do; reading can be repeated.
READ_SECONDS = 5.0


@dataclass(frozen=True)
class Creates:
    """One run: how many creates, from how many workers, with which dice.

    *hide_listing* puts the step that finds lost creates out of action; then a check
    must fail. *kinds* are the faults by operation, of which each must strike
    *least_struck* times: 20 in a full run, fewer in a smaller one. One process is
    killed for *creates_per_kill* creates.
    A client gives up rather than wait longer than *longest_pause* seconds.
    *fast_forward* ends leases in the table instead of waiting for their end, whenever
    nobody is at work: by default in a run that is smaller than a full one.
    """

    stack: RunningStack
    creates: int
    workers: int = 20
    seed: int = 1
    hide_listing: bool = False
    kinds: faults.Kinds = field(default_factory=lambda: faults.KINDS)
    least_struck: int | None = None
    creates_per_kill: int = CREATES_PER_KILL
    longest_pause: float = LONGEST_PAUSE
    fast_forward: bool | None = None
    progress: Progress = print

    @property
    def moves_time(self) -> bool:
        """Return whether leases are ended instead of waited for."""
        if self.fast_forward is None:
            return self.creates < FULL
        return self.fast_forward

    def run(self) -> Report:
        """Send everything under faults, calm down, reconcile, check."""
        with simulator_client(self.stack) as simulator:
            simulator.post("/_sim/reset", json={"seed": self.seed}).raise_for_status()
            # A declined call is short and sends few callbacks: calls are not the point.
            phones = {"answer": "rejected", "ring_seconds": 0.2}
            simulator.put("/_sim/phones/default", json=phones).raise_for_status()
            injector = FaultInjector(
                simulator, self.kinds, hide_listing=self.hide_listing
            )
            log, kills = self._send_all(injector)
            self.progress("calm: leases run out, checks come in, then reconcile")
            injector.calm_down()
            self._settle()
            evidence = self._gather(simulator, log)
        kinds = [kind for kinds in self.kinds.values() for kind in kinds]
        least = self.least_struck
        if least is None:
            least = min(LEAST_STRUCK, self.creates // CREATES_PER_STRIKE)
        report = check_all(evidence, least, kinds)
        report.counts = {"creates": self.creates, **report.counts}
        for folder in KILLED:
            report.count("processes killed", folder, "times", kills[folder])
        name = f"at least {least} processes were killed"
        report.check(kills.total() >= least, name, f"{kills.total()} kills")
        return report

    def _send_all(self, injector: FaultInjector) -> tuple[list[Task], Counter[str]]:
        skip = partial(end_leases, self.stack) if self.moves_time else None
        clients = Clients(self.stack, self.longest_pause, skip)
        kills = Counter[str]()

        def inject(stop: threading.Event) -> None:
            self._inject(injector, clients, stop)

        def kill(stop: threading.Event) -> None:
            self._kill(clients, kills, stop)

        with in_background(inject), in_background(kill):
            clients.run(
                plan.plans(self.creates, self.seed),
                self.workers,
                seconds=900 + self.creates * 1.5,
            )
        return clients.log, kills

    def _inject(
        self, injector: FaultInjector, clients: Clients, stop: threading.Event
    ) -> None:
        shown_at = 0.0
        while True:
            injector.adjust(clients.done["create"] / max(self.creates, 1))
            if time.monotonic() - shown_at > PROGRESS_SECONDS:
                shown_at = time.monotonic()
                self._show(injector, clients)
            if stop.wait(ADJUST_SECONDS):
                return

    def _show(self, injector: FaultInjector, clients: Clients) -> None:
        asked = injector.history.asked.total()
        share = injector.history.struck.total() / max(asked, 1)
        done = clients.done
        self.progress(
            f"{done['create']}/{self.creates} created or given up, "
            f"{done['update']} updated, {done['delete']} deleted; "
            f"{asked} requests to Plivo, {share:.0%} of them hit"
        )

    def _kill(
        self, clients: Clients, kills: Counter[str], stop: threading.Event
    ) -> None:
        """Kill processes of all functions in turn.

        By progress and not by time, so that a slow machine kills no more than a fast
        one.
        """
        dice = random.Random(self.seed)  # noqa: S311 - dice, not secrets
        for folder in itertools.cycle(dice.sample(KILLED, len(KILLED))):
            due = False
            while not due or not faults.kill_one(self.stack, dice, [folder]):
                if stop.wait(0.1):
                    return
                due = clients.done["create"] // self.creates_per_kill > kills.total()
            kills[folder] += 1

    def _settle(self) -> None:
        """Let checks come in and run the reconciler until it finds nothing to do."""
        if self.moves_time:
            end_leases(self.stack)
        else:
            time.sleep(LEASE_SECONDS)
            self._await_stream()
            self._await_checks()
        idle = 0
        for _ in range(MOST_PASSES):
            outcomes = invoke(self.stack, "reconcile_sessions", {})
            self.progress(f"reconciliation: {outcomes or 'nothing left to do'}")
            idle = 0 if outcomes.keys() - TOO_EARLY else idle + 1
            if idle == 2 or not outcomes:
                break
        if not self.moves_time:
            self._await_checks()

    def _await_stream(self) -> None:
        first, second = plan.pair(plan.MOST_PAIRS - 1)
        with api_client(self.stack) as api:
            await_stream(api, {"first_party": first, "second_party": second})
        self.progress("the stream has been read to its end")

    def _await_checks(self) -> None:
        urls = self.stack.aws.client("sqs").list_queues()["QueueUrls"]
        [url] = [url for url in urls if "CheckQueue" in url]
        wait_for(
            "the queue of checks to be empty",
            lambda: messages_in(self.stack, url) == 0,
            CHECKS_SECONDS,
        )
        self.progress("the queue of checks is empty")

    def _gather(self, simulator: httpx.Client, log: list[Task]) -> Evidence:
        keys = [task.plan.key for task in log if task.kind == "create"]
        uuid_of = {key: sessions.session_uuid_for(TENANT, key) for key in keys}
        with api_client(self.stack) as api, ThreadPoolExecutor(8) as pool:
            fetched = pool.map(lambda uuid: _fetch(api, uuid), uuid_of.values())
            ours = dict(zip(uuid_of.values(), fetched, strict=True))
        return Evidence(
            log=log,
            ledger=get_json(simulator, "/_sim/ledger")["requests"],
            theirs=get_json(simulator, "/_sim/sessions")["sessions"],
            ours=ours,
            uuid_of=uuid_of,
        )


def _fetch(api: httpx.Client, uuid: str) -> dict[str, Any] | None:
    def look() -> httpx.Response | None:
        answer = api.get(f"/v1/sessions/{uuid}")
        is_known = answer.is_success or answer.status_code == httpx.codes.NOT_FOUND
        return answer if is_known else None

    answer = wait_for(f"an answer about {uuid}", look, READ_SECONDS, pause=1)
    session: dict[str, Any] | None = answer.json().get("session")
    return session if answer.is_success else None


def prove(stack: RunningStack, progress: Progress, **options: Any) -> Report:
    """Run once; *options* are fields of `Creates`."""
    return Creates(stack, progress=progress, **options).run()
