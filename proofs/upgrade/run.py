"""Upgrade a stack while apps and people use it, and look for anything that failed."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from proofs.harness import (
    api_client,
    await_stream,
    get_json,
    make_call,
    simulator_client,
)
from proofs.report import Report
from proofs.runner import Progress, progress_lines, wait_for
from proofs.upgrade.release import last_release, revision_of, unpack
from stack.addresses import free_addresses
from stack.environments import ROOT
from stack.stack import Stack

ANSWERS = "every request is answered as it should be"
SESSIONS = "every session of before, between and after ended as it was told to"
CALLS = "every recording of a call is stored"
KEPT = "a session that lives across the upgrade is read and changed"

# Before the upgrade and after it.
SECONDS = 8.0
WORKERS = 3
STORED_SECONDS = 60.0
SPEED = 10.0

OK = {
    "create": {httpx.codes.CREATED},
    "read": {httpx.codes.OK},
    "update": {httpx.codes.OK},
    "end": {httpx.codes.OK},
    "list": {httpx.codes.OK},
}


@dataclass
class Load:
    """What apps and people asked for, and what came of it."""

    report: Report
    began: float = field(default_factory=time.monotonic)
    sent: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def sends(self, what: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send a request, and check its answer."""
        answer = send()
        at = time.monotonic() - self.began
        case = f"{at:.1f} s: {what} was answered {answer.status_code}: {answer.text}"
        self.report.check(answer.status_code in OK[what], ANSWERS, case)
        self.sent[what] += 1
        return answer.raise_for_status()


def prove(*, revision: str | None = None, seconds: float = SECONDS) -> Report:
    """Upgrade from a revision, by default the last release, to this code."""
    version = last_release((ROOT / "CHANGELOG.md").read_text())
    before = revision or revision_of(version)
    progress = progress_lines()
    with tempfile.TemporaryDirectory(prefix="maskline-proof-") as folder:
        old = unpack(before, Path(folder) / "before")
        progress(f"upgrading from {revision or version}")
        report = upgrade(old, ROOT, Path(folder) / "stack", progress, seconds)
    report.counts["from"] = revision or version
    return report


def upgrade(
    old: Path, new: Path, folder: Path, progress: Progress, seconds: float = SECONDS
) -> Report:
    """Deploy the code in *old*, use it, and deploy that in *new* over it meanwhile."""
    report = Report("upgrade")
    with Stack(
        free_addresses(), folder, root=old, speed=SPEED, report=progress
    ) as stack:
        lasting = _create(stack, Load(report), WORKERS + 1)
        with _under_load(stack, report) as load:
            time.sleep(seconds)
            at_first = load.sent.total()
            began = time.monotonic()
            stack.upgrade(new)
            took = time.monotonic() - began
            meanwhile = load.sent.total() - at_first
            time.sleep(seconds)
        progress("looking at what came of it")
        _check_kept(stack, report, lasting)
        _check_sessions(stack, load)
        _check_calls(stack, load)
    report.counts |= {
        "seconds that the upgrade took": round(took, 1),
        "requests before it": at_first,
        "requests during it": meanwhile,
        "requests after it": load.sent.total() - at_first - meanwhile,
        "calls": len(load.called),
    }
    return report


@contextmanager
def _under_load(stack: Stack, report: Report) -> Iterator[Load]:
    """Have apps use the stack and people call, until the block ends."""
    load, stop = Load(report), threading.Event()
    with ThreadPoolExecutor(WORKERS + 1) as pool:
        work = [pool.submit(_use, stack, load, n, stop) for n in range(WORKERS)]
        work.append(pool.submit(_call, stack, load, stop))
        try:
            yield load
        finally:
            stop.set()
        for each in work:
            each.result()


def _use(stack: Stack, load: Load, worker: int, stop: threading.Event) -> None:
    """Create, read, update, list and end sessions, one after the other."""
    with api_client(stack.running) as api:
        while not stop.is_set():
            try:
                uuid = _create(stack, load, worker)
                _live(api, load, uuid)
                load.ended.append(uuid)
            except httpx.HTTPError as error:
                load.report.check(met=False, name=ANSWERS, case=repr(error))


def _live(api: httpx.Client, load: Load, uuid: str) -> None:
    path, changes = f"/v1/sessions/{uuid}", {"call_time_limit": 1800}
    load.sends("read", lambda: api.get(path))
    load.sends("update", lambda: api.patch(path, json=changes))
    load.sends("list", lambda: api.get("/v1/sessions?limit=5"))
    load.sends("end", lambda: api.delete(path))


def _call(stack: Stack, load: Load, stop: threading.Event) -> None:
    """Place one recorded call after the other."""
    with simulator_client(stack.running) as simulator:
        for worker in itertools.count(WORKERS + 2):
            if stop.is_set():
                return
            session = _created(stack, load, worker % 40, record=True)
            call = {"from": session["first_party"], "to": session["virtual_number"]}
            script = call | {"answer": True, "talk_seconds": 5, "digits": []}
            make_call(simulator, script, callbacks_within=10)
            load.called.append(str(session["session_uuid"]))


def _create(stack: Stack, load: Load, worker: int) -> str:
    return str(_created(stack, load, worker)["session_uuid"])


def _created(stack: Stack, load: Load, worker: int, **more: Any) -> dict[str, Any]:
    asked = {
        "first_party": f"+120255501{worker:02d}",
        "second_party": f"+120255501{worker + 50:02d}",
        **more,
    }
    with api_client(stack.running) as api:
        created = load.sends("create", lambda: api.post("/v1/sessions", json=asked))
    session: dict[str, Any] = created.json()["session"]
    return session


# What came of it


def _check_kept(stack: Stack, report: Report, uuid: str) -> None:
    path = f"/v1/sessions/{uuid}"
    with api_client(stack.running) as api:
        read = api.get(path)
        changed = api.patch(path, json={"call_time_limit": 900})
    statuses = [read.status_code, changed.status_code]
    report.check(statuses == [200, 200], KEPT, f"answered {statuses}")


def _check_sessions(stack: Stack, load: Load) -> None:
    with api_client(stack.running) as api:
        pair = {"first_party": "+12025550148", "second_party": "+12025550149"}
        await_stream(api, pair)
        for uuid in load.ended:
            status = get_json(api, f"/v1/sessions/{uuid}")["session"]["status"]
            load.report.check(status == "expired", SESSIONS, f"{uuid} is {status}")


def _check_calls(stack: Stack, load: Load) -> None:
    with api_client(stack.running) as api:
        for uuid in load.called:
            path = f"/v1/sessions/{uuid}/recordings"

            def stored(path: str = path) -> bool:
                found = get_json(api, path)["objects"]
                return any(each["status"] == "stored" for each in found)

            wait_for(f"the recording of {uuid}", stored, STORED_SECONDS)
            load.report.check(stored(), CALLS, f"{uuid} has none")
