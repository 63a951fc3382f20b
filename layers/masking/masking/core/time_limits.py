"""End what waits, in good time: an invocation before its function is killed.

The time limits of a client are for connecting and between two bytes; an answer that
drips has none. A limit here is for all that is done under it. It interrupts the main
thread, which is the one that Lambda runs a handler on; on any other nothing is limited,
so what runs on threads must not be waited for without an end.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from masking.core.errors import OutOfTimeError

T = TypeVar("T")

# What is left of a function's time when it is ended: to answer, and to log.
RESERVE_SECONDS = 1.5

# Zero would be no limit.
AT_ONCE = 0.001

# It rings on until the block is left: what is raised in a finalizer is lost.
AGAIN_SECONDS = 0.5


class TimeIsUpError(BaseException):
    """The time is up. No library takes it for a failure of its own, to be retried."""


class _Limit:
    """A limit that is in force until its block is left.

    *end* is by the clock that never goes back.
    """

    def __init__(self, end: float) -> None:
        self.end = end
        self.is_over = False


# The innermost is the last, and ends first.
_limits: list[_Limit] = []


@contextmanager
def limit(
    seconds: float, error: Callable[[], Exception] | None = None
) -> Iterator[None]:
    """Raise *error*, or TimeIsUpError, in the block when *seconds* are over.

    A limit around it that ends sooner is left to end it.
    """
    end = time.monotonic() + seconds
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or end >= _next():
        yield
        return
    held = _Limit(end)
    before = signal.signal(signal.SIGALRM, _ring)
    try:
        _limits.append(held)
        _set_timer(seconds)
        yield
    except TimeIsUpError:
        if error is None:
            raise
        raise error() from None
    finally:
        # First, and without a call, after which a signal is heard: what rings from here
        # on is late, and must not keep the rest from being done.
        held.is_over = True
        _limits.remove(held)
        _set_timer(_next() - time.monotonic())
        signal.signal(signal.SIGALRM, before)


def _set_timer(seconds: float) -> None:
    if seconds < math.inf:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, AT_ONCE), AGAIN_SECONDS)
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)


def seconds_left(context: Any) -> float:
    """Return the seconds that a function has left; without end if nobody counts.

    *context* is Lambda's.
    """
    if not hasattr(context, "get_remaining_time_in_millis"):
        return math.inf
    left: int = context.get_remaining_time_in_millis()
    return left / 1_000


def left_to_work(context: Any) -> float:
    """Return the seconds that a function has left without what it needs at its end."""
    return seconds_left(context) - RESERVE_SECONDS


def in_time(
    handle: Callable[[dict[str, Any], Any], T],
) -> Callable[[dict[str, Any], Any], T]:
    """Make a handler that raises OutOfTimeError before its function is killed.

    So it is logged, its process goes on, and its messages come again.
    """

    @wraps(handle)
    def lambda_handler(event: dict[str, Any], context: Any) -> T:
        # Outside as well: it may ring on the way out of the block.
        try:
            with limit(left_to_work(context)):
                return handle(event, context)
        except TimeIsUpError:
            raise OutOfTimeError from None

    return lambda_handler


def _next() -> float:
    return _limits[-1].end if _limits else math.inf


def _ring(*_: object) -> None:
    if _limits and not _limits[-1].is_over:
        raise TimeIsUpError
