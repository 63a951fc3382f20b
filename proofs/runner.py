"""Run a proof: a stack of its own, bounded workers, progress, an exit status."""

from __future__ import annotations

import heapq
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from proofs.report import Report
from stack.addresses import free_addresses
from stack.running import RunningStack, StackError
from stack.stack import Stack

POLL_SECONDS = 0.3

T = TypeVar("T")

Progress = Callable[[str], None]


class ProofError(Exception):
    """The proof could not be carried out; the message says what did not happen."""


def run_on_own_stack(
    prove: Callable[[RunningStack, Progress], Report],
    *,
    parameters: Mapping[str, str] | None = None,
    as_json: bool = False,
) -> int:
    """Prove on a stack of its own; return the exit status.

    *parameters* are values for parameters of the template. Progress goes to standard
    error, the report to standard output.
    """
    progress = progress_lines()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="maskline-proof-") as folder,
            Stack(
                free_addresses(), Path(folder), parameters=parameters, report=progress
            ) as stack,
        ):
            report = prove(stack.running, progress)
    except (ProofError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    return show(report, as_json=as_json)


def progress_lines() -> Progress:
    """Return a function that prints a line with the seconds since now before it."""
    started = time.monotonic()

    def show_line(line: str) -> None:
        seconds = time.monotonic() - started
        print(f"{seconds:7.1f} s  {line}", file=sys.stderr, flush=True)

    return show_line


def show(report: Report, *, as_json: bool) -> int:
    """Print the report; return the exit status, 0 only if every check passed."""
    if as_json:
        print(report.json())
    else:
        for line in report.lines():
            print(line)
    return 0 if report.holds else 1


def wait_for(
    what: str, look: Callable[[], T | None], seconds: float, pause: float = POLL_SECONDS
) -> T:
    """Return what *look* finds, once it finds something. Raise ProofError if never."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise ProofError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(pause)
    return found


@contextmanager
def in_background(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run *work* beside the block; it ends when the event is set. Raise what it did."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
        done.result()


def run_workers(
    tasks: Iterable[T],
    work: Callable[[T], Iterable[tuple[float, T]]],
    *,
    workers: int,
    seconds: float,
    skip: Callable[[], object] | None = None,
) -> None:
    """Work through *tasks* and everything that follows from them.

    *work* returns what follows from a task, each with the seconds to wait before it;
    workers do other tasks meanwhile. When nobody works and all that is left has to
    wait, *skip* lets the time pass that it waits for. Raise ProofError if anything is
    left after *seconds*, and what *work* raised.
    """
    _Workers(iter(tasks), work, time.monotonic() + seconds, skip).run(workers)


# What is not worth the trouble of skipping it, in seconds.
BRIEF = 1.0


class _Workers(Generic[T]):
    def __init__(
        self,
        coming: Iterator[T],
        work: Callable[[T], Iterable[tuple[float, T]]],
        deadline: float,
        skip: Callable[[], object] | None,
    ) -> None:
        self._skip = skip
        self._coming = coming
        self._work = work
        self._deadline = deadline
        self._waiting: list[tuple[float, int, T]] = []
        self._order = itertools.count()
        self._busy = 0
        self._changed = threading.Condition()
        self._error: BaseException | None = None

    def run(self, workers: int) -> None:
        threads = [
            threading.Thread(target=self._run_worker, name=f"worker {number}")
            for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error
        if self._waiting or next(self._coming, None) is not None:
            raise ProofError("the workers had work left when their time was over")

    def _run_worker(self) -> None:
        try:
            while taken := self._take():
                following = list(self._work(taken[0]))
                now = time.monotonic()
                with self._changed:
                    for pause, task in following:
                        place = now + pause, next(self._order)
                        heapq.heappush(self._waiting, (*place, task))
                    self._busy -= 1
                    self._changed.notify_all()
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _take(self) -> tuple[T] | None:
        """Wait for the next task; return None once there will be none."""
        with self._changed:
            while not self._error and (now := time.monotonic()) < self._deadline:
                if self._waiting and self._waiting[0][0] <= now:
                    self._busy += 1
                    return (heapq.heappop(self._waiting)[2],)
                for task in self._coming:
                    self._busy += 1
                    return (task,)
                if not self._waiting and not self._busy:
                    return None
                if self._skip and not self._busy and self._waiting[0][0] - now > BRIEF:
                    # Under the lock: nobody has anything to do before.
                    self._skip()
                    self._waiting = [(now, at, task) for _, at, task in self._waiting]
                    heapq.heapify(self._waiting)
                    continue
                pause = self._waiting[0][0] - now if self._waiting else 1.0
                self._changed.wait(min(pause, 1.0, self._deadline - now))
        return None
