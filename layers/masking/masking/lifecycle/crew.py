"""Work side by side, no more at once than Plivo bears.

A crew begins with one at work and doubles with each that ends well; after a failure it
is one again. So a Plivo that is down is asked a few times, and not by a whole crew.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# How long is waited before asking again whether there is time (seconds).
LOOK = 1.0


class Crew:
    """Up to *most* threads; *is_failure* tells by an outcome whether work failed.

    After *most_failures* in a row nothing is begun any more.
    """

    def __init__(
        self, most: int, is_failure: Callable[[str], bool], most_failures: int
    ) -> None:
        self._most = most
        self._is_failure = is_failure
        self._most_failures = most_failures
        self._pool = ThreadPoolExecutor(most)
        self._changed = threading.Condition()
        self._at_once = 1
        self._working = 0
        self._failures = 0

    def begin(self, work: Callable[[], str], is_over: Callable[[], bool]) -> bool:
        """Do *work* on a thread when there is a place; return whether it was begun.

        It is not if it *is_over* before, or after too many failures.
        """
        if not self._wait(lambda: self._working < self._at_once, is_over):
            return False
        with self._changed:
            if self._failures >= self._most_failures:
                return False
            self._working += 1
        self._pool.submit(contextvars.copy_context().run, self._do, work)
        return True

    def rest(self, is_over: Callable[[], bool]) -> None:
        """Wait until nobody works, or it *is_over*; failures count anew from here."""
        self._wait(lambda: not self._working, is_over)
        self._failures = 0

    def leave(self, is_over: Callable[[], bool]) -> None:
        """Let the threads go; one that hangs is left behind when it *is_over*."""
        self.rest(is_over)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _wait(self, is_so: Callable[[], bool], is_over: Callable[[], bool]) -> bool:
        with self._changed:
            while not self._changed.wait_for(is_so, LOOK):
                if is_over():
                    return False
        return True

    def _do(self, work: Callable[[], str]) -> None:
        failed = True
        try:
            failed = self._is_failure(work())
        finally:
            with self._changed:
                self._working -= 1
                self._failures = self._failures + 1 if failed else 0
                self._at_once = 1 if failed else min(self._most, 2 * self._at_once)
                self._changed.notify_all()
