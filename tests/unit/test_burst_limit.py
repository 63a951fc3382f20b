"""A burst waits for warm functions, and not for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stack.aws.burst_limit import Acquire, Release, limit_bursts


class Emulator:
    """Lends workers as the embedded AWS does: a free one, or else a new one."""

    def __init__(self) -> None:
        self.lent: list[list[str]] = []
        self.free: list[list[str]] = []
        self.started = 0
        self.counted = threading.Event()
        self._lock = threading.Lock()

    def acquire(self, name: str, *_: Any, **__: Any) -> tuple[Any, str]:
        """Lend a worker."""
        with self._lock:
            warm = next((one for one in self.free if one == [name]), None)
            if warm is None:
                self.started += 1
                self.lent.append([name])
                return self.lent[-1], "spawn"
            self.free.remove(warm)
            self.lent.append(warm)
            return warm, "reused"

    def release(self, worker: Any) -> None:
        """Take a worker back; None is one that was thrown away."""
        with self._lock:
            if worker is not None:
                self.lent.remove(worker)
                self.free.append(worker)

    def throw_away(self) -> None:
        """Drop every worker, lent or not."""
        with self._lock:
            self.lent.clear()
            self.free.clear()

    def working(self) -> Counter[str]:
        """Count the workers that are lent, by function."""
        self.counted.set()
        return Counter(name for (name,) in self.lent)


def limited(patience: float, most: int = 100) -> tuple[Emulator, Acquire, Release]:
    """Return an emulator of which two workers of a function may work at a time."""
    emulator = Emulator()
    acquire, release = limit_bursts(
        *(emulator.acquire, emulator.release, emulator.working),
        width=2,
        patience=patience,
        most=most,
    )
    return emulator, acquire, release


def test_a_burst_is_worked_off_by_few_processes() -> None:
    emulator, acquire, release = limited(patience=30)

    def work(_: int) -> None:
        worker, _reason = acquire("callbacks", {}, b"", qualifier="1")
        time.sleep(0.002)
        release(worker)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(work, range(200)))

    assert emulator.started <= 2


def test_what_waits_goes_on_as_soon_as_one_is_free() -> None:
    emulator, acquire, release = limited(patience=30)
    held = [acquire("callbacks")[0] for _ in range(2)]

    with ThreadPoolExecutor(1) as pool:
        emulator.counted.clear()
        third = pool.submit(acquire, "callbacks")
        assert emulator.counted.wait(10)
        assert not third.done()
        release(held[0])

        assert third.result(timeout=10)[1] == "reused"


def test_workers_that_are_thrown_away_hold_no_place() -> None:
    emulator, acquire, release = limited(patience=30)
    for _ in range(2):
        acquire("callbacks")

    with ThreadPoolExecutor(1) as pool:
        emulator.counted.clear()
        third = pool.submit(acquire, "callbacks")
        assert emulator.counted.wait(10)
        assert not third.done()
        emulator.throw_away()
        release(None)

        assert third.result(timeout=10)[1] == "spawn"


def test_one_that_has_waited_long_enough_gets_a_process_of_its_own() -> None:
    emulator, acquire, _ = limited(patience=0.05)
    for _ in range(2):
        acquire("callbacks")

    _, reason = acquire("callbacks")

    assert reason == "spawn"
    assert emulator.started == 3


def test_a_function_does_not_wait_for_another() -> None:
    emulator, acquire, _ = limited(patience=30)

    for name in ("create", "create", "update", "update"):
        acquire(name)

    assert emulator.started == 4


def test_all_functions_together_never_have_more_than_the_most() -> None:
    emulator, acquire, release = limited(patience=0.01, most=3)
    held = [acquire(name)[0] for name in ("create", "update", "get")]

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(acquire, name) for name in ("create", "list")]
        time.sleep(0.1)
        assert not any(each.done() for each in waiting)
        assert emulator.started == 3
        release(held[0])
        release(held[1])

        assert [each.result(timeout=10)[1] for each in waiting] == ["reused", "spawn"]
