"""A queue and the workers that Lambda runs for it, with the real use case."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from masking.wiring import Services
from tests.support.clock import at
from tests.support.deliverer import LOOPBACK, SECRET, Puts

# As the template has them.
WORKERS = 5
BATCH = 10


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass
class Sent:
    """A message in the queue: when it may be received, and how often it was."""

    number: int
    body: str
    sent_at: float
    visible_at: float
    received: int = 0

    def as_received(self) -> dict[str, Any]:
        """Return it as Lambda hands it over."""
        return {
            "messageId": str(self.number),
            "receiptHandle": str(self.number),
            "body": self.body,
            "attributes": {
                "SentTimestamp": str(int(self.sent_at * 1000)),
                "ApproximateReceiveCount": str(self.received),
            },
        }


@dataclass
class Workers:
    """Workers on one queue that hands over the oldest visible messages first.

    *parts* replace parts of the use case. Each worker is a process of its own as far as
    it remembers anything.
    """

    services: Services
    parts: Mapping[str, Any]
    waiting: list[Sent] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Any = field(default_factory=itertools.count)
    _held: dict[str, Sent] = field(default_factory=dict)

    def send(self, detail: Mapping[str, Any]) -> None:
        """Put an event into the queue."""
        at = time.time()
        with self._lock:
            body = json.dumps({"detail": detail})
            self.waiting.append(Sent(next(self._numbers), body, at, at))

    def postpone_all(self, seconds: Mapping[str, int]) -> None:
        """Let messages come again after their seconds."""
        for handle, pause in seconds.items():
            self._held[handle].visible_at = time.time() + pause

    def start(self, over: threading.Event) -> list[threading.Thread]:
        """Start all workers; they end when it is *over*."""
        threads = [
            threading.Thread(target=self._work, args=(over,)) for _ in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, over: threading.Event) -> None:
        deliver_webhook = replace(
            at(self.services, now).deliver_webhook,
            queue=self,  # type: ignore[arg-type]
            dead_letters=Puts(),  # type: ignore[arg-type]
            secrets_of=lambda _: [SECRET],
            allowed=LOOPBACK,
            **self.parts,
        )
        while not over.is_set():
            batch = self._receive()
            if not batch:
                over.wait(0.02)
                continue
            try:
                again = deliver_webhook.deliver_batch([m.as_received() for m in batch])
            except BaseException as error:
                self.failures.append(error)
                raise
            with self._lock:
                self.waiting += [m for m in batch if str(m.number) in again]

    def _receive(self) -> list[Sent]:
        with self._lock:
            found = [m for m in self.waiting if m.visible_at <= time.time()][:BATCH]
            for message in found:
                self.waiting.remove(message)
                message.received += 1
                # Hidden for the queue's own time unless the worker says otherwise.
                message.visible_at = time.time() + 90
                self._held[str(message.number)] = message
        return found
