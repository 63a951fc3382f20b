"""A server on 127.0.0.1 that answers as a test says, and remembers what it was asked.

    wire.answers(reply(500), reply(200, {"api_id": "x"}))

Each answer serves one request; the last serves all that follow. What no simulator of
a well-meaning Plivo sends (resets, silence, half an answer) is sent from here.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

JSON = {"Content-Type": "application/json"}

# Longer than any client here waits; a hung answer ends with the server anyway.
LONGEST_SECONDS = 20.0


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class _Exchange(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: _Server
    asked: Asked
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.asked = Asked(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        self.close_connection = True
        self.server.wire.next_for(self.asked)(self)

    do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


Answer = Callable[[_Exchange], None]
Serve = Callable[[Asked], tuple[int, bytes]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    wire: Wire

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that have gone."""


class Wire:
    """The server; its `origin` is where it listens."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Exchange)
        self._server.wire = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._answers: list[Answer] = [reply(404)]
        self._lock = threading.Lock()
        self._scheme = "http"
        self.over = threading.Event()
        self.asked: list[Asked] = []

    @property
    def origin(self) -> str:
        """Return where it listens, such as http://127.0.0.1:40000."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._scheme = "https"
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def answers(self, *answers: Answer) -> None:
        """Answer the next requests with these, and all others with the last."""
        with self._lock:
            self._answers = list(answers)

    def next_for(self, asked: Asked) -> Answer:
        """Take the next answer."""
        with self._lock:
            self.asked.append(asked)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


# Answers


def reply(
    status: int,
    body: object = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> Answer:
    """Answer with *body*, bytes or JSON; *length* may promise what is not true."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(content) if length is None else length)}
    if not isinstance(body, bytes):
        named |= JSON
    named |= headers or {}

    def answer(exchange: _Exchange) -> None:
        exchange.send_response(status)
        for name, value in named.items():
            exchange.send_header(name, value)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(content)

    return answer


def in_chunks(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer 200 without a length: in chunks."""

    def answer(exchange: _Exchange) -> None:
        exchange.send_response(200)
        for name, value in (headers or {}).items():
            exchange.send_header(name, value)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        for start in range(0, len(body), 60_000):
            piece = body[start : start + 60_000]
            exchange.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.wfile.write(b"0\r\n\r\n")

    return answer


def by(serve: Serve) -> Answer:
    """Answer with the status and the body that *serve* gives for the request."""

    def answer(exchange: _Exchange) -> None:
        status, body = serve(exchange.asked)
        reply(status, body)(exchange)

    return answer


def hang() -> Answer:
    """Read the request and answer nothing."""

    def answer(exchange: _Exchange) -> None:
        exchange.server.wire.over.wait(LONGEST_SECONDS)

    return answer


def reset(after: bytes = b"") -> Answer:
    """Send *after* and reset the connection."""

    def answer(exchange: _Exchange) -> None:
        exchange.wfile.write(after)
        exchange.wfile.flush()
        now = struct.pack("ii", 1, 0)
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        exchange.connection.close()

    return answer


def break_tls() -> Answer:
    """Answer with bytes that no TLS record begins with."""

    def answer(exchange: _Exchange) -> None:
        raw = socket.socket(fileno=os.dup(exchange.connection.fileno()))
        with raw:
            raw.sendall(b"HTTP/1.1 201 Created, but not through the cipher")

    return answer
