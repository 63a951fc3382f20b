"""Publish changes in the simulator to its listeners, as they happen.

Listeners are server-sent event streams. One that reads too slowly loses the oldest
events, never the newest, and delays nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_BACKLOG = 1000

News = tuple[str, dict[str, Any]] | None


class Broadcast:
    """Publish events to every listener."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[News]] = set()
        self.told = 0

    def tell(self, kind: str, render: Callable[[], dict[str, Any]]) -> None:
        """Publish an event; *render* is not called when nobody listens."""
        self.told += 1
        if not self._listeners:
            return
        news: News = (kind, render())
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(news)

    def close(self) -> None:
        """Send every listener None, which ends its stream."""
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[News]]:
        """Yield a queue that receives the events while the block runs."""
        queue: asyncio.Queue[News] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
