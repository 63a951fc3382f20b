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
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from types import FrameType
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

    def __init__(self, end: float, error: Callable[[], Exception] | None) -> None:
        self.end = end
        self._error = error
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, _ring)
        _limits.append(self)
        _set_timer(self.end - time.monotonic())

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        _limits.remove(self)
        _set_timer(_next() - time.monotonic())
        signal.signal(signal.SIGALRM, self._before)
        if kind is TimeIsUpError and self._error is not None:
            raise self._error() from None


# The innermost is the last, and ends first.
_limits: list[_Limit] = []


def limit(
    seconds: float, error: Callable[[], Exception] | None = None
) -> AbstractContextManager[None]:
    """Raise *error*, or TimeIsUpError, in the block when *seconds* are over.

    A limit around it that ends sooner is left to end it.
    """
    end = time.monotonic() + seconds
    is_main = threading.current_thread() is threading.main_thread()
    return _Limit(end, error) if is_main and end < _next() else nullcontext()


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
        with limit(left_to_work(context), OutOfTimeError):
            return handle(event, context)

    return lambda_handler


def _next() -> float:
    return _limits[-1].end if _limits else math.inf


def _ring(_: int, frame: FrameType | None) -> None:
    if not _is_entered_or_left(frame):
        raise TimeIsUpError


def _is_entered_or_left(frame: FrameType | None) -> bool:
    """Tell whether a limit is half set or half lifted: it rings again, or no more."""
    while frame is not None:
        is_ours = frame.f_globals is globals()
        if is_ours and frame.f_code.co_name in ("__enter__", "__exit__"):
            return True
        frame = frame.f_back
    return False
