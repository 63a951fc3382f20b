"""A server that takes whatever comes and remembers it: an app's, or one inside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Listener:
    """What was taken: method, path, headers and body as one text each."""

    url: str
    taken: list[str] = field(default_factory=list)


@contextmanager
def listening(host: str) -> Iterator[Listener]:
    """Listen on a free port of *host* while the block runs.

    The last part of a request's path is the status that it is answered with; 3xx leads
    to a place inside. Anything else is answered 204.
    """
    listener = Listener("")

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            text = f"{self.command} {self.path}\n{self.headers}\n{body!r}"
            listener.taken.append(text)
            last = self.path.partition("?")[0].rpartition("/")[2]
            status = int(last) if last.isdigit() and len(last) == 3 else 204
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET = _take  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    listener.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
