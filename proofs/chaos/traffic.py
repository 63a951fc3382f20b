"""Send what was planned from many workers, and log every answer.

A request that failed is sent again with the same key, up to five times in all, when
its answer says so (Retry-After); the worker does other work until then. A client
stops sooner where the answer says that sending again can't help.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from proofs.chaos.plan import Wish

MOST_SENDS = 5
PATIENCE_SECONDS = 40.0
LONGEST_PAUSE = 90.0

# Answers that another try with the same key cannot change.
FINAL_CODES = frozenset(
    {
        "carrier_refused_request",
        "field_not_updatable",
        "idempotency_key_reused",
        "invalid_request",
        "malformed_body",
        "pair_already_active",
        "session_expired",
        "session_not_active",
        "session_not_found",
    }
)


@dataclass(frozen=True)
class Sent:
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
        """Say whether what was asked for has been done."""
        return self.status in (200, 201)


@dataclass
class Task:
    """One thing that a client wants, and each time it was asked for."""

    kind: str
    wish: Wish
    method: str
    path: str
    body: dict[str, Any] | None = None
    sends: list[Sent] = field(default_factory=list)

    @property
    def last(self) -> Sent:
        """Give the final answer."""
        return self.sends[-1]


Follow = Callable[[Task], list[Task]]
NextOne = Callable[[], Task | None]


class Traffic:
    """Workers, the work that waits for them, and the log of what is done."""

    def __init__(
        self,
        api_url: str,
        api_key: str,
        follow: Follow,
        next_one: NextOne,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        """Prepare.

        Args:
            api_url: Origin of the API.
            api_key: Key of the tenant that all clients belong to.
            follow: Says what a client asks for after a task is done.
            next_one: Gives the next client's first task, None when all have come.
            longest_pause: A client that is told to wait for longer gives up.
        """
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        self._http = httpx.Client(
            base_url=api_url,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=PATIENCE_SECONDS,
            limits=limits,
            trust_env=False,
        )
        self._follow = follow
        self._next_one = next_one
        self._longest_pause = longest_pause
        self._waiting: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._under_way = 0
        self._changed = threading.Condition()
        self._failed: BaseException | None = None
        self.log: list[Task] = []

    def add(self, task: Task, after: float = 0) -> None:
        """Let a worker take *task*, *after* seconds from now at the earliest."""
        with self._changed:
            due = time.monotonic() + after
            heapq.heappush(self._waiting, (due, next(self._order), task))
            self._changed.notify()

    def run(self, workers: int, limit_seconds: float) -> None:
        """Work until nothing is left. Raises TimeoutError after *limit_seconds*."""
        deadline = time.monotonic() + limit_seconds
        threads = [
            threading.Thread(target=self._work, args=(deadline,), name=f"client {n}")
            for n in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._http.close()
        if self._failed:
            raise self._failed
        if self._waiting:
            message = f"{len(self._waiting)} requests were left after the time limit"
            raise TimeoutError(message)

    def _work(self, deadline: float) -> None:
        try:
            while (task := self._take(deadline)) is not None:
                self._carry_out(task)
                with self._changed:
                    self._under_way -= 1
                    self._changed.notify_all()
        except BaseException as error:
            with self._changed:
                self._failed = error
                self._changed.notify_all()

    def _take(self, deadline: float) -> Task | None:
        with self._changed:
            while not self._failed and time.monotonic() < deadline:
                now = time.monotonic()
                if self._waiting and self._waiting[0][0] <= now:
                    self._under_way += 1
                    return heapq.heappop(self._waiting)[2]
                if task := self._next_one():
                    self._under_way += 1
                    return task
                if not self._waiting and not self._under_way:
                    return None
                pause = self._waiting[0][0] - now if self._waiting else 1.0
                self._changed.wait(min(pause, 1.0))
        return None

    def _carry_out(self, task: Task) -> None:
        sent = self._send(task)
        task.sends.append(sent)
        known = sent.code in FINAL_CODES and sent.outcome != "unknown"
        final = sent.is_done or known or sent.code == "create_abandoned"
        pause = sent.retry_after or float(len(task.sends))
        final = final or pause > self._longest_pause
        if not final and len(task.sends) < MOST_SENDS:
            self.add(task, pause)
            return
        with self._changed:
            self.log.append(task)
        for following in self._follow(task):
            self.add(following)

    def _send(self, task: Task) -> Sent:
        headers = {}
        if task.kind == "create":
            headers["idempotency-key"] = task.wish.key
        at = datetime.now(UTC)
        try:
            answer = self._http.request(
                task.method, task.path, json=task.body, headers=headers
            )
        except httpx.TransportError:
            return Sent(at, datetime.now(UTC), None)
        return _read(at, answer)


def _read(at: datetime, answer: httpx.Response) -> Sent:
    now = datetime.now(UTC)
    try:
        body = answer.json()
    except ValueError:
        body = {}
    after = answer.headers.get("retry-after")
    return Sent(
        at,
        now,
        answer.status_code,
        code=body.get("code"),
        outcome=body.get("outcome"),
        retry_after=float(after) if after else None,
        session=body.get("session"),
    )


def creating(wish: Wish) -> Task:
    """Give the task of creating a session."""
    return Task("create", wish, "POST", "/v1/sessions", wish.body)


def following(task: Task) -> list[Task]:
    """Say what a client does next: update (some at once), and at last delete."""
    created = task.last.session
    wish = task.wish
    if task.kind == "create":
        if not task.last.is_done or created is None:
            return []
        return _round(wish, f"/v1/sessions/{created['session_uuid']}", 0)
    if task.kind == "update":
        place = next(n for n, each in enumerate(wish.updates) if task.body in each)
        # Of several at once, the first goes on.
        if task.body is not wish.updates[place][0]:
            return []
        return _round(wish, task.path, place + 1)
    return []


def _round(wish: Wish, path: str, place: int) -> list[Task]:
    if place < len(wish.updates):
        return [
            Task("update", wish, "PATCH", path, body) for body in wish.updates[place]
        ]
    return [Task("delete", wish, "DELETE", path)] if wish.is_deleted else []
