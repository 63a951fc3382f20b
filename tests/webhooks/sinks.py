"""Servers of apps: one that takes webhooks and counts them, one that is dead."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Taken:
    """One request: method, path with query, headers in lower case, body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Give the event in the body."""
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Sink:
    """A server of an app's; *answer* gives the status for the n-th request."""

    answer: Callable[[int], int] = lambda _: 204
    delay: float = 0.0
    taken: list[Taken] = field(default_factory=list)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: Taken) -> int:
        """Keep a request and give the status to answer."""
        with self._lock:
            self.taken.append(request)
            number = len(self.taken)
        if self.delay:
            time.sleep(self.delay)
        return self.answer(number)

    def ids(self) -> Counter[str]:
        """Count requests by their webhook-id."""
        with self._lock:
            return Counter(each.headers["webhook-id"] for each in self.taken)

    def wait_for(self, requests: int, seconds: float) -> bool:
        """Wait until there were so many requests; say whether there were."""
        deadline = time.monotonic() + seconds
        while len(self.taken) < requests:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(sink: Sink) -> Iterator[Sink]:
    """Serve *sink* on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            status = sink.take(Taken(self.command, self.path, headers, body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", "http://127.0.0.1:1/inside")
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET = _take  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
