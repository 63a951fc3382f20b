"""An application that hears callbacks: a plain server that checks every signature."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from plivo.utils import validate_v3_signature

from plivo_simulator.account import AUTH_TOKEN


@dataclass(frozen=True, slots=True)
class Heard:
    """One request that the application received."""

    method: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        """Return the decoded parameters of the body, or of the query for GET."""
        text = urlsplit(self.url).query if self.method == "GET" else self.body
        return dict(parse_qsl(text, keep_blank_values=True))

    def is_signed(self, token: str = AUTH_TOKEN, header: str = "V3") -> bool:
        """Return whether Plivo's SDK accepts the signature."""
        name = f"X-Plivo-Signature-{header}"
        verdict: bool = validate_v3_signature(
            self.method,
            self.url,
            self.headers["X-Plivo-Signature-V3-Nonce"],
            token,
            self.headers[name],
            self.form if self.method == "POST" else None,
        )
        return verdict


@dataclass
class Listener:
    """Where the application listens, what it heard, and how it answers."""

    origin: str
    requests: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], int] = lambda _: 200

    def forget(self) -> None:
        """Begin anew."""
        self.requests.clear()
        self.answer = lambda _: 200

    def wait_for(self, count: int, seconds: float = 10) -> list[Heard]:
        """Return what was heard once *count* requests have come."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.requests) >= count, f"heard only {len(self.requests)}"
        return list(self.requests)


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._hear()

        def do_POST(self) -> None:
            self._hear()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _hear(self) -> None:
            size = int(self.headers.get("content-length", 0))
            body = self.rfile.read(size).decode()
            url = f"{listener.origin}{self.path}"
            heard = Heard(self.command, url, dict(self.headers), body)
            listener.requests.append(heard)
            self.send_response(listener.answer(heard))
            self.send_header("content-length", "0")
            self.end_headers()

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener = Listener(f"http://127.0.0.1:{server.server_port}")
    work = threading.Thread(target=server.serve_forever, args=(0.02,))
    work.start()
    try:
        yield listener
    finally:
        server.shutdown()
        work.join()
        server.server_close()
