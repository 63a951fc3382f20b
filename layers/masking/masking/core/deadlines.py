"""One deadline for all steps of some work, and names that are looked up within it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from masking.core import addresses

Resolve = Callable[[str, int], Sequence[str]]


class Deadline:
    """The end of some work, *seconds* from now; *clock* never goes back."""

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._ends = clock() + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError if none are."""
        left = self._ends - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


class Lookups:
    """Look up the addresses of hosts, each on a thread that can be left behind.

    `getaddrinfo` has no time limit. A thread that is left ends when the resolver gives
    up, and keeps no interpreter alive meanwhile; whoever asks for the same host until
    then waits for the same answer, so that a dead name server costs one thread a host.
    """

    def __init__(self, resolve: Resolve = addresses.resolve) -> None:
        self._resolve = resolve
        self._running: dict[tuple[str, int], Future[Sequence[str]]] = {}
        self._lock = threading.Lock()

    def find(self, host: str, port: int, deadline: Deadline) -> Sequence[str]:
        """Return a host's addresses, the preferred one first.

        Raises TimeoutError at the deadline, OSError if there is no address.
        """
        place = host, port
        with self._lock:
            lookup = self._running.get(place)
            if lookup is None:
                lookup = self._running[place] = Future()
                self._begin(place, lookup)
        return lookup.result(deadline.left())

    def _begin(self, place: tuple[str, int], lookup: Future[Sequence[str]]) -> None:
        thread = threading.Thread(
            target=self._look_up, args=(place, lookup), daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            del self._running[place]
            message = "no thread is left to look a name up"
            raise OSError(message) from None

    def _look_up(self, place: tuple[str, int], lookup: Future[Sequence[str]]) -> None:
        found: Sequence[str] | None = None
        try:
            found = self._resolve(*place)
        except Exception as error:  # whoever waits raises it
            failure = error
        with self._lock:
            del self._running[place]
        if found is None:
            lookup.set_exception(failure)
        else:
            lookup.set_result(found)


def resolve_within(seconds: float, lookups: Lookups) -> Resolve:
    """Return a resolver that gives up after *seconds*, with TimeoutError."""
    return lambda host, port: lookups.find(host, port, Deadline(seconds))
