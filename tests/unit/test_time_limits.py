"""A limit ends whatever waits in the main thread, and nothing else."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from masking.core import time_limits
from masking.core.errors import OutOfTimeError
from masking.core.time_limits import TimeIsUpError, in_time, limit, seconds_left

# Of what is waited for in vain, and how long it may take at most.
SHORT = 0.05
LONG = 5.0

# Who hears an alarm where no limit is.
NOBODY = signal.SIG_DFL


class LateError(Exception):
    """What a test raises when the time is up."""


def test_what_waits_is_ended() -> None:
    started = time.monotonic()

    with pytest.raises(TimeIsUpError), limit(SHORT):
        time.sleep(LONG)

    assert SHORT * 0.9 < time.monotonic() - started < LONG


def test_a_limit_that_has_an_error_of_its_own_raises_that() -> None:
    with pytest.raises(LateError), limit(SHORT, LateError):
        time.sleep(LONG)


def test_no_library_takes_it_for_a_failure_of_its_own() -> None:
    def try_again() -> None:
        while True:
            with suppress(Exception):
                time.sleep(LONG)

    with pytest.raises(TimeIsUpError), limit(SHORT):
        try_again()


def test_what_ends_in_time_is_not_ended_afterwards() -> None:
    with limit(SHORT):
        pass

    time.sleep(2 * SHORT)

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is NOBODY


def test_an_inner_limit_ends_the_inner_block_alone() -> None:
    with limit(LONG):
        with pytest.raises(LateError), limit(SHORT, LateError):
            time.sleep(LONG)

        left = signal.getitimer(signal.ITIMER_REAL)[0]

    assert 0 < left < LONG


def test_an_outer_limit_that_is_nearer_is_not_the_inner_ones() -> None:
    with pytest.raises(TimeIsUpError), limit(SHORT), limit(LONG, LateError):
        time.sleep(LONG)


def test_a_time_that_is_over_already_ends_at_once() -> None:
    with pytest.raises(TimeIsUpError), limit(-3.0):
        time.sleep(LONG)


def test_without_a_limit_and_on_other_threads_nothing_is_ended() -> None:
    done: list[str] = []

    def work() -> None:
        with limit(SHORT):
            time.sleep(2 * SHORT)
        done.append("thread")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with limit(seconds_left(None)):
        done.append("no limit")

    assert done == ["thread", "no limit"]


def test_a_handler_ends_before_its_function_is_killed() -> None:
    class Context:
        """A function that has 1.55 s left, of which 1.5 are kept."""

        def get_remaining_time_in_millis(self) -> int:
            return 1_550

    @in_time
    def handler(_event: dict[str, Any], _context: Any) -> None:
        time.sleep(LONG)

    with pytest.raises(OutOfTimeError):
        handler({}, Context())


def test_it_rings_again_where_what_it_raised_was_lost() -> None:
    def lose_one() -> None:
        # As in a finalizer, whose errors Python drops.
        with suppress(TimeIsUpError):
            time.sleep(LONG)
        time.sleep(LONG)

    with pytest.raises(TimeIsUpError), limit(SHORT):
        lose_one()


def test_whenever_it_rings_nothing_of_a_limit_stays() -> None:
    rang = 0
    for number in range(600):
        try:
            with limit(0.001):
                # It rings about when the block is left.
                until = time.monotonic() + 0.000_9 + number % 20 * 0.000_01
                while time.monotonic() < until:
                    pass
        except TimeIsUpError:
            rang += 1

    assert 0 < rang < 600
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is NOBODY
    with pytest.raises(LateError), limit(SHORT, LateError):
        time.sleep(LONG)


def test_wherever_it_rings_in_its_own_code_nothing_of_a_limit_stays() -> None:
    """A signal is heard after any line while something measures what lines are run."""
    lines = 0

    def ring_at(number: int) -> Callable[..., Any]:
        def trace(frame: FrameType, happens: str, _: object) -> Callable[..., Any]:
            nonlocal lines
            if frame.f_code.co_filename == time_limits.__file__ and happens == "line":
                lines += 1
                if lines == number and signal.getsignal(signal.SIGALRM) is not NOBODY:
                    signal.raise_signal(signal.SIGALRM)
            return trace

        return trace

    number = 0
    while number <= lines:
        number, lines = number + 1, 0
        traced = sys.gettrace()
        sys.settrace(ring_at(number))
        try:
            with suppress(TimeIsUpError), limit(LONG), limit(LONG / 2):
                pass
        finally:
            sys.settrace(traced)

        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) is NOBODY

    assert number > 20
