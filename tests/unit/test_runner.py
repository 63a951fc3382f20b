"""Workers are bounded in number and time, and whatever they raise is raised."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from proofs.report import Report
from proofs.runner import ProofError, in_background, run_workers, show, wait_for


def test_workers_do_every_task_and_what_follows_after_its_pause() -> None:
    done = []

    def work(task: tuple[int, int]) -> Iterable[tuple[float, tuple[int, int]]]:
        done.append(task)
        number, time = task
        return [(0.01, (number, time + 1))] if time < 2 else ()

    run_workers(((number, 0) for number in range(20)), work, workers=3, seconds=10)

    assert sorted(done) == [(number, time) for number in range(20) for time in range(3)]


def test_no_more_workers_run_than_are_wanted() -> None:
    threads = set()
    together = threading.Barrier(2, timeout=10)

    def work(_: int) -> tuple[()]:
        threads.add(threading.current_thread().name)
        together.wait()
        return ()

    run_workers(range(6), work, workers=2, seconds=10)

    assert threads == {"worker 0", "worker 1"}


def test_what_a_worker_raises_ends_all_and_is_raised() -> None:
    def work(number: int) -> tuple[()]:
        if number == 3:
            raise ValueError(number)
        return ()

    with pytest.raises(ValueError, match="3"):
        run_workers(range(1_000_000), work, workers=2, seconds=10)


def test_when_everybody_waits_the_time_is_skipped() -> None:
    done, skipped = [], []

    def work(task: tuple[int, int]) -> Iterable[tuple[float, tuple[int, int]]]:
        done.append(task)
        number, time = task
        return [(3_600.0, (number, time + 1))] if time < 2 else ()

    run_workers(
        ((number, 0) for number in range(5)),
        work,
        workers=3,
        seconds=10,
        skip=lambda: skipped.append(len(done)),
    )

    assert len(done) == 15
    # Only when nobody had anything else to do.
    assert skipped == [5, 10]


def test_what_is_left_when_time_is_over_is_an_error() -> None:
    with pytest.raises(ProofError, match="left"):
        run_workers([1], lambda task: [(60.0, task)], workers=1, seconds=0.1)
    with pytest.raises(ProofError, match="left"):
        run_workers([1], lambda _: (), workers=1, seconds=0)


def test_waiting_in_vain_names_what_was_waited_for() -> None:
    found = iter([None, "", "found"])

    assert wait_for("a word", lambda: next(found), seconds=10, pause=0) == "found"
    with pytest.raises(ProofError, match="in vain for a word"):
        wait_for("a word", lambda: None, seconds=0, pause=0)


def test_work_in_the_background_ends_with_the_block_and_its_error_is_raised() -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        stop.wait(10)
        ended.set()
        raise ProofError("it failed")

    with pytest.raises(ProofError, match="it failed"), in_background(work):
        assert not ended.is_set()

    assert ended.is_set()


def test_the_exit_status_says_whether_every_check_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("example")
    report.check(True, "sums are right", "1 + 1")
    assert show(report, as_json=False) == 0

    report.check(False, "sums are right", "1 + 2")
    assert show(report, as_json=True) == 1

    assert '"1 + 2"' in capsys.readouterr().out
