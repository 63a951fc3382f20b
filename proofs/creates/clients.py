"""Send what was planned from many clients, and log every answer.

A request that failed is sent again with the same key, up to five times in all, when
its answer says so (Retry-After); the worker does other work until then. A client
stops sooner where the answer says that sending again can't help.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from proofs.creates.plan import Plan
from proofs.harness import api_client
from proofs.runner import run_workers
from stack.running import RunningStack

MOST_ATTEMPTS = 5
LONGEST_PAUSE = 90.0

# Answers that another attempt with the same key cannot change.
FINAL_CODES = {
    *("carrier_refused_request", "field_not_updatable", "idempotency_key_reused"),
    *("invalid_request", "malformed_body", "pair_already_active", "session_expired"),
    *("session_not_active", "session_not_found"),
}


@dataclass(frozen=True)
class Attempt:
    """One request as it was sent and answered; status None: no answer came.

    Times are aware UTC. *outcome* is what a problem document said.
    """

    at: datetime
    answered_at: datetime
    status: int | None
    code: str | None = None
    outcome: str | None = None
    retry_after: float | None = None
    session: dict[str, Any] | None = None

    @property
    def is_done(self) -> bool:
        """Return whether what was asked for has been done."""
        return self.status in (200, 201)

    @property
    def is_final(self) -> bool:
        """Return whether the answer says that another attempt changes nothing."""
        known = self.code in FINAL_CODES and self.outcome != "unknown"
        return self.is_done or known or self.code == "create_abandoned"


@dataclass
class Task:
    """One thing that a client wants, and each attempt to get it."""

    kind: str
    plan: Plan
    method: str
    path: str
    body: dict[str, Any] | None = None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def last(self) -> Attempt:
        """Return the final attempt."""
        return self.attempts[-1]


class Clients:
    """All clients of one tenant; `log` and `done` grow as they work.

    A client that would have to wait for longer than *longest_pause* seconds gives up.
    When all of them wait, *skip* lets time pass.
    """

    def __init__(
        self,
        stack: RunningStack,
        longest_pause: float = LONGEST_PAUSE,
        skip: Callable[[], object] | None = None,
    ) -> None:
        self._stack = stack
        self._skip = skip
        self._longest_pause = longest_pause
        self._lock = threading.Lock()
        self.log: list[Task] = []
        self.done = Counter[str]()

    def run(self, plans: Iterable[Plan], workers: int, seconds: float) -> None:
        """Send everything that is planned. Raise ProofError if time is too short."""
        with api_client(self._stack) as api:
            run_workers(
                map(creating, plans),
                lambda task: self._send(api, task),
                workers=workers,
                seconds=seconds,
                skip=self._skip,
            )

    def _send(self, api: httpx.Client, task: Task) -> list[tuple[float, Task]]:
        """Make one attempt; return what is to be sent next, and after how long."""
        attempt = _attempt(api, task)
        task.attempts.append(attempt)
        pause = attempt.retry_after or float(len(task.attempts))
        may_repeat = not attempt.is_final and pause <= self._longest_pause
        if may_repeat and len(task.attempts) < MOST_ATTEMPTS:
            return [(pause, task)]
        with self._lock:
            self.log.append(task)
            self.done[task.kind] += 1
        return [(0, following) for following in following_of(task)]


def _attempt(api: httpx.Client, task: Task) -> Attempt:
    headers = {"idempotency-key": task.plan.key} if task.kind == "create" else {}
    at = datetime.now(UTC)
    try:
        answer = api.request(task.method, task.path, json=task.body, headers=headers)
    except httpx.TransportError:
        return Attempt(at, datetime.now(UTC), None)
    answered_at = datetime.now(UTC)
    try:
        body = answer.json()
    except ValueError:
        body = {}
    after = answer.headers.get("retry-after")
    return Attempt(
        at,
        answered_at,
        answer.status_code,
        code=body.get("code"),
        outcome=body.get("outcome"),
        retry_after=float(after) if after else None,
        session=body.get("session"),
    )


def creating(plan: Plan) -> Task:
    """Return the task of creating a session."""
    return Task("create", plan, "POST", "/v1/sessions", plan.body)


def following_of(task: Task) -> Iterator[Task]:
    """Yield what a client does next: update (some at once), and at last delete."""
    plan, created = task.plan, task.last.session
    if task.kind == "create":
        if not task.last.is_done or created is None:
            return
        path, place = f"/v1/sessions/{created['session_uuid']}", 0
    elif task.kind == "update":
        path = task.path
        place = next(n for n, each in enumerate(plan.updates) if task.body in each)
        # Of several at once, the first goes on.
        if task.body is not plan.updates[place][0]:
            return
        place += 1
    else:
        return
    if place < len(plan.updates):
        for body in plan.updates[place]:
            yield Task("update", plan, "PATCH", path, body)
    elif plan.is_deleted:
        yield Task("delete", plan, "DELETE", path)
