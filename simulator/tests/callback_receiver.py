"""Receive callbacks with a plain server that can check every signature."""

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
class ReceivedRequest:
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
        outcome: bool = validate_v3_signature(
            self.method,
            self.url,
            self.headers["X-Plivo-Signature-V3-Nonce"],
            token,
            self.headers[name],
            self.form if self.method == "POST" else None,
        )
        return outcome


@dataclass
class CallbackReceiver:
    """The application's address, the requests it received, and how it answers."""

    origin: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    answer: Callable[[ReceivedRequest], int] = lambda _: 200
    documents: dict[str, str] = field(default_factory=dict)

    def reset(self) -> None:
        """Clear the requests and answer 200 without a document again."""
        self.requests.clear()
        self.documents.clear()
        self.answer = lambda _: 200

    def document(self, path: str, elements: str) -> str:
        """Answer requests to *path* with a document; return its address."""
        self.documents[path] = f"<Response>{elements}</Response>"
        return f"{self.origin}{path}"

    def wait_for(self, count: int, seconds: float = 10) -> list[ReceivedRequest]:
        """Wait for *count* requests and return them."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.requests) >= count, f"received only {len(self.requests)}"
        return list(self.requests)


@contextmanager
def receiving_callbacks() -> Iterator[CallbackReceiver]:
    """Listen on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._receive()

        def do_POST(self) -> None:
            self._receive()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _receive(self) -> None:
            size = int(self.headers.get("content-length", 0))
            body = self.rfile.read(size).decode()
            url = f"{receiver.origin}{self.path}"
            received = ReceivedRequest(self.command, url, dict(self.headers), body)
            receiver.requests.append(received)
            document = receiver.documents.get(self.path, "").encode()
            self.send_response(receiver.answer(received))
            self.send_header("content-type", "application/xml")
            self.send_header("content-length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = CallbackReceiver(f"http://127.0.0.1:{server.server_port}")
    work = threading.Thread(target=server.serve_forever, args=(0.02,))
    work.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        work.join()
        server.server_close()
