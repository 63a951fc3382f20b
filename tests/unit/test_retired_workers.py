"""A function that is updated finishes what it does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from stack.aws.retired_workers import LATEST, retired


@dataclass
class Worker:
    """A process of a function."""

    in_use: bool


class Pool:
    """One function's processes, as the embedded AWS keeps them."""

    def __init__(self, *workers: Worker) -> None:
        self.workers = list(workers)
        self.ended: list[Worker] = []
        self.some_ended = threading.Event()

    def take_busy(self, name: str) -> list[Worker]:
        """Take out who works."""
        assert name == "create"
        busy = [each for each in self.workers if each.in_use]
        self.workers = [each for each in self.workers if not each.in_use]
        return busy

    def invalidate(self, name: str, *, qualifier: str | None, **_: Any) -> None:
        """End all that are in the pool."""
        assert (name, qualifier) in {("create", LATEST), ("create", "3")}
        self.ended += self.workers
        self.workers = []

    def end(self, workers: Any) -> None:
        """End those that were taken out."""
        self.ended += workers
        self.some_ended.set()


def test_who_works_is_ended_when_done_and_who_does_not_at_once() -> None:
    busy, idle = Worker(in_use=True), Worker(in_use=False)
    pool = Pool(busy, idle)

    retired(pool.invalidate, pool.take_busy, pool.end)("create", qualifier=LATEST)
    at_once = list(pool.ended)
    busy.in_use = False

    assert at_once == [idle]
    assert pool.some_ended.wait(5)
    assert pool.ended == [idle, busy]
    assert pool.workers == []


def test_who_never_ends_is_ended() -> None:
    pool = Pool(Worker(in_use=True))

    update = retired(pool.invalidate, pool.take_busy, pool.end, patience=0.1)
    update("create", qualifier=LATEST)

    assert pool.some_ended.wait(5)


def test_a_version_that_failed_is_ended_at_once() -> None:
    busy = Worker(in_use=True)
    pool = Pool(busy)

    retired(pool.invalidate, pool.take_busy, pool.end)("create", qualifier="3")

    assert pool.ended == [busy]
