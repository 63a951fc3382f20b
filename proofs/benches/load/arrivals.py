"""Send requests at times that are set beforehand, whatever becomes of those before.

Waiting for answers before sending more would measure only what the system admits
(coordinated omission). So each request has the time at which it was due, and its
latency counts from then, with any time that it waited here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

# Requests on their way at a time; those that are due meanwhile wait, and it counts.
WORKERS = 250


@dataclass(frozen=True)
class Sent:
    """One request: when it was due, how long until its answer, and the answer.

    *answer* is the status, or the error's name instead. Times are seconds.
    """

    kind: str
    due: float
    latency: float
    answer: str

    @property
    def ok(self) -> bool:
        """Return whether it did what was asked."""
        return self.answer.startswith("2")


@dataclass(frozen=True)
class Arrival:
    """A request that is due *at* so many seconds after the start."""

    at: float
    kind: str
    send: Callable[[], str]


def send_all(arrivals: Sequence[Arrival], workers: int = WORKERS) -> list[Sent]:
    """Send each when it is due; return what became of them, in the order due.

    *send* returns the answer; what it raises is one.
    """
    started = time.monotonic()

    def send(arrival: Arrival) -> Sent:
        try:
            answer = arrival.send()
        except Exception as error:
            answer = type(error).__name__
        latency = time.monotonic() - started - arrival.at
        return Sent(arrival.kind, arrival.at, latency, answer)

    with ThreadPoolExecutor(workers) as pool:
        sent = []
        for arrival in sorted(arrivals, key=lambda each: each.at):
            time.sleep(max(0.0, started + arrival.at - time.monotonic()))
            sent.append(pool.submit(send, arrival))
        return [each.result() for each in sent]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of *values* does not exceed; nan for none."""
    ordered = sorted(values)
    place = max(math.ceil(len(ordered) * share) - 1, 0)
    return ordered[place] if ordered else math.nan
