"""Tell whoever listens what just happened in the simulator, as it happens.

Listeners are server-sent event streams. One that reads too slowly loses the oldest
news, never the newest, and holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_BACKLOG = 1000

News = tuple[str, dict[str, Any]] | None


class Broadcast:
    """Hand news to every listener. *render* turns a record into a JSON object."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[News]] = set()

    def tell(self, kind: str, render: Callable[[], dict[str, Any]]) -> None:
        """Pass news on; nothing is rendered when nobody listens."""
        if not self._listeners:
            return
        news: News = (kind, render())
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(news)

    def close(self) -> None:
        """Tell every listener that there will be no more news: None."""
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[News]]:
        """Give a queue that fills with news while the block runs."""
        queue: asyncio.Queue[News] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
