"""Refuse requests of the API that would wait too long for a function.

API Gateway refuses what is beyond a stage's throttle or an account's concurrency. One
machine has far less room than either, and a queue without an end helps nobody: requests
would wait until their clients have gone, and those that follow wait behind them. So a
request finds a place, or it is 429 at once, as beyond the throttle; nothing was done.

Plivo's callbacks have places of their own, as reserved concurrency would give them:
what apps do too much of does not lose events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CALLBACKS = "/v1/plivo/"
OTHERS = "/"

# Requests in flight at a time, by the beginning of their path. Two cores answer some 25
# creates a second: the last of so many waits for two seconds.
PLACES: Mapping[str, int] = {CALLBACKS: 64, OTHERS: 32}


class TooManyRequestsError(Exception):
    """No place was free."""


class Admission:
    """Places for requests in flight; used from one thread alone."""

    def __init__(self, places: Mapping[str, int] = PLACES) -> None:
        """Describe how many there are for each beginning of a path, longest first."""
        self._free = dict(places)

    @contextmanager
    def admitted(self, path: str) -> Iterator[None]:
        """Hold a place for a request while the block runs.

        Raises:
            TooManyRequestsError: None is free.
        """
        kind = next(each for each in self._free if path.startswith(each))
        if not self._free[kind]:
            raise TooManyRequestsError
        self._free[kind] -= 1
        try:
            yield
        finally:
            self._free[kind] += 1
