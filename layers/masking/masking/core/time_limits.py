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
from typing import Any, NoReturn, TypeVar

from masking.core.errors import OutOfTimeError

T = TypeVar("T")

# What is left of a function's time when it is ended: to answer, and to log.
RESERVE_SECONDS = 1.5

# Zero would be no limit.
AT_ONCE = 0.001

# When the limits end that are in force, by the clock that never goes back.
_ends: list[float] = []


class TimeIsUpError(BaseException):
    """The time is up. No library takes it for a failure of its own, to be retried."""


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
    before = signal.signal(signal.SIGALRM, _ring)
    _ends.append(end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, AT_ONCE))
    try:
        yield
    except TimeIsUpError:
        if error is None:
            raise
        raise error() from None
    finally:
        _ends.pop()
        left = _next() - time.monotonic()
        signal.setitimer(
            signal.ITIMER_REAL, max(left, AT_ONCE) if left < math.inf else 0
        )
        signal.signal(signal.SIGALRM, before)


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
        with limit(left_to_work(context), OutOfTimeError):
            return handle(event, context)

    return lambda_handler


def _next() -> float:
    return _ends[-1] if _ends else math.inf


def _ring(*_: object) -> NoReturn:
    raise TimeIsUpError
