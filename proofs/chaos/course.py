"""Run the chaos on a stack of its own, and judge it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from masking.domain import sessions
from proofs.chaos import killer, plan, storm
from proofs.chaos.hurry import let_leases_run_out
from proofs.chaos.storm import Weather
from proofs.chaos.traffic import LONGEST_PAUSE, Task, Traffic, creating, following
from proofs.chaos.verdict import Evidence, Verdict, judge
from stack.aws.seeds import TENANT
from stack.running import RunningStack

MODES = ("new", "same", "error")
SETTING_SECONDS = 1.0
LEAST_FIRED = 20

KILLED = ("create_session", "update_session", "expire_session", "publish_changes")

# One process is killed for this many creates.
CREATES_PER_KILL = 25

# Longer than the longest lease, and than the delay of the queue of checks.
LEASE_SECONDS = sessions.LEASE.total_seconds() + 2
CHECKS_SECONDS = 600.0
STREAM_SECONDS = 900.0
MOST_PASSES = 10

# A function may fail on a machine that has too much to do; reading can be repeated.
MOST_READS = 5

Report = Callable[[str], None]


@dataclass(frozen=True)
class Chaos:
    """One run: how many creates, from how many workers, with which dice.

    *hide_listing* puts I1's listing step out of action, which must fail.
    *least_fired* is how often each kind of fault must have fired. *longest_pause* is
    how long a client waits that is told to; *in_a_hurry* ends leases in the table.
    """

    stack: RunningStack
    server_pid: int
    creates: int
    workers: int = 20
    seed: int = 1
    hide_listing: bool = False
    least_fired: int = LEAST_FIRED
    longest_pause: float = LONGEST_PAUSE
    in_a_hurry: bool = False
    report: Report = print

    def run(self) -> Verdict:
        """Storm, calm down, reconcile, judge."""
        url = self.stack.addresses.plivo_url
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as simulator:
            simulator.post("/_sim/reset", json={"seed": self.seed}).raise_for_status()
            # A declined call is short and sends few callbacks: calls are not the point.
            plan_of_phones = {"answer": "rejected", "ring_seconds": 0.2}
            simulator.put("/_sim/phones/default", json=plan_of_phones)
            wishes = list(plan.wishes(self.creates, self.seed))
            log, kills = self._storm(simulator, wishes)
            self.report("calm: leases run out, checks come in, then reconcile")
            self._calm_down(simulator)
            evidence = self._gather(simulator, log)
        verdict = judge(evidence, self.least_fired, storm.ALL_KINDS)
        verdict.counts = {"creates": self.creates, "kills": kills, **verdict.counts}
        if self.least_fired:
            few = f"{kills} kills"
            verdict.demand(kills >= self.least_fired, "processes were killed", few)
        return verdict

    def _storm(
        self, simulator: httpx.Client, wishes: list[plan.Wish]
    ) -> tuple[list[Task], int]:
        created = Counter[str]()

        coming = iter(wishes)

        def follow(task: Task) -> list[Task]:
            created[task.kind] += 1
            return following(task)

        def next_one() -> Task | None:
            wish = next(coming, None)
            return creating(wish) if wish else None

        api = self.stack.addresses.api_url
        traffic = Traffic(api, self.stack.api_key, follow, next_one, self.longest_pause)
        limit = 900 + self.creates * 1.5
        kills = Counter[str]()
        with (
            self._beside(lambda stop: self._set_weather(simulator, created, stop)),
            self._beside(lambda stop: self._kill(created, kills, stop)),
        ):
            traffic.run(self.workers, limit)
        return traffic.log, kills["kills"]

    @contextmanager
    def _beside(self, work: Callable[[threading.Event], None]) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work, stop)
            try:
                yield
            finally:
                stop.set()
            done.result()

    def _set_weather(
        self, simulator: httpx.Client, created: Counter[str], stop: threading.Event
    ) -> None:
        """Set rates and the mode of duplicate_pair anew, every second."""
        fired, asked, seen, mode = Counter[str](), Counter[str](), 0, -1
        started = time.monotonic()
        while True:
            third = min(2, created["create"] * 3 // max(self.creates, 1))
            if third != mode:
                mode = third
                chosen = {"duplicate_pair": MODES[mode]}
                simulator.put("/_sim/switches", json=chosen).raise_for_status()
            entries = _get(simulator, f"/_sim/ledger?after={seen}")["requests"]
            lately = Counter(entry["operation"] for entry in entries)
            seen += len(entries)
            asked += lately
            fired += Counter(entry["fault"] for entry in entries if entry["fault"])
            rates = storm.rates(Weather(fired, asked, lately))
            armed = storm.arming(rates, hide_listing=self.hide_listing)
            simulator.put("/_sim/faults", json=armed).raise_for_status()
            if int(time.monotonic() - started) % 20 == 0:
                self._report_progress(created, asked, fired)
            if stop.wait(SETTING_SECONDS):
                return

    def _report_progress(
        self, done: Counter[str], asked: Counter[str], fired: Counter[str]
    ) -> None:
        share = fired.total() / max(asked.total(), 1)
        self.report(
            f"{done['create']}/{self.creates} created or given up, "
            f"{done['update']} updated, {done['delete']} deleted; "
            f"{asked.total()} requests to Plivo, {share:.0%} of them hit"
        )

    def _kill(
        self, created: Counter[str], kills: Counter[str], stop: threading.Event
    ) -> None:
        names = self.stack.function_names()
        functions = [names[name] for name in KILLED]
        dice = random.Random(self.seed)  # noqa: S311 - dice, not secrets
        while not stop.wait(0.1):
            due = created["create"] // CREATES_PER_KILL
            if kills["kills"] < due and killer.kill_one(
                self.server_pid, [dice.choice(functions)], dice
            ):
                kills["kills"] += 1

    def _calm_down(self, simulator: httpx.Client) -> None:
        """Let checks come in and run the reconciler until it finds nothing to do."""
        calm = storm.arming({}, hide_listing=self.hide_listing)
        simulator.put("/_sim/faults", json=calm).raise_for_status()
        if self.in_a_hurry:
            let_leases_run_out(self.stack)
        else:
            time.sleep(LEASE_SECONDS)
            self._await_stream()
            self._await_checks()
        function = self.stack.function_names()["reconcile_sessions"]
        client = self.stack.aws.client("lambda")
        for _ in range(MOST_PASSES):
            answer = client.invoke(FunctionName=function, Payload=b"{}")
            outcomes = json.load(answer["Payload"])
            self.report(f"reconcile pass: {outcomes or 'nothing left to do'}")
            if not outcomes:
                break
        if not self.in_a_hurry:
            self._await_checks()

    def _await_stream(self) -> None:
        """Wait until the stream's handler has seen what was written before this.

        It sees changes in their order: once a new session is listed, it has seen all.
        """
        first, second = plan.pair(plan.MOST_PAIRS - 1)
        headers = {"authorization": f"Bearer {self.stack.api_key}"}
        query = {"label.last": "of all"}
        body = {
            "first_party": first,
            "second_party": second,
            "labels": {"last": "of all"},
        }
        url = self.stack.addresses.api_url
        with httpx.Client(
            base_url=url, headers=headers, timeout=40, trust_env=False
        ) as api:
            created = api.post("/v1/sessions", json=body).raise_for_status()
            deadline = time.monotonic() + STREAM_SECONDS
            while not api.get("/v1/sessions", params=query).json()["objects"]:
                if time.monotonic() > deadline:
                    raise TimeoutError("the stream was not read to its end")
                time.sleep(1)
            uuid = created.json()["session"]["session_uuid"]
            api.delete(f"/v1/sessions/{uuid}").raise_for_status()
        self.report("the stream has been read to its end")

    def _await_checks(self) -> None:
        """Wait until the queue of checks is empty."""
        client = self.stack.aws.client("sqs")
        deadline = time.monotonic() + CHECKS_SECONDS
        for url in client.list_queues()["QueueUrls"]:
            if "CheckQueue" not in url:
                continue
            while time.monotonic() < deadline:
                found = client.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["All"]
                )["Attributes"]
                names = ("", "Delayed", "NotVisible")
                sizes = [
                    int(found[f"ApproximateNumberOfMessages{name}"]) for name in names
                ]
                if not any(sizes):
                    break
                time.sleep(0.5)
            else:
                raise TimeoutError("the queue of checks was not worked off")
        self.report("the queue of checks is empty")

    def _gather(self, simulator: httpx.Client, log: list[Task]) -> Evidence:
        keys = [task.wish.key for task in log if task.kind == "create"]
        uuid_of = {key: sessions.session_uuid_for(TENANT, key) for key in keys}
        headers = {"authorization": f"Bearer {self.stack.api_key}"}
        api = httpx.Client(
            base_url=self.stack.addresses.api_url,
            headers=headers,
            timeout=40,
            trust_env=False,
        )

        def fetch(uuid: str) -> Any:
            for _ in range(MOST_READS):
                answer = api.get(f"/v1/sessions/{uuid}")
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                if answer.is_success:
                    return answer.json()["session"]
                time.sleep(1)
            return answer.raise_for_status()

        with api, ThreadPoolExecutor(8) as pool:
            ours = dict(
                zip(uuid_of.values(), pool.map(fetch, uuid_of.values()), strict=True)
            )
        return Evidence(
            log=log,
            ledger=_get(simulator, "/_sim/ledger")["requests"],
            theirs=_get(simulator, "/_sim/sessions")["sessions"],
            ours=ours,
            uuid_of=uuid_of,
        )


def _get(client: httpx.Client, path: str) -> Any:
    return client.get(path).raise_for_status().json()
