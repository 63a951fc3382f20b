"""An HTTP server that records requests, and answers as configured.

    with HttpListener() as listener:
        listener.answers(reply(500), reply(200, {"api_id": "x"}))

Each answer serves one request; the last serves all that follow. It plays an app, a
place that nobody may reach, and a Plivo that resets, hangs or answers half.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HOST = "127.0.0.1"

# Longer than any client here waits; a hanging answer ends with the listener anyway.
LONGEST_SECONDS = 20.0
POLL_SECONDS = 0.02

PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Request:
    """One request as it came in; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """Return all of it as one text."""
        return f"{self.method} {self.path}\n{dict(self.headers)}\n{self.body!r}"


class Exchange(BaseHTTPRequestHandler):
    """One connection, one request, and the means to answer it."""

    server: _Server
    request_made: Request
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        listener = self.server.listener
        self.request_made = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            b"".join(self.body_pieces()) if listener.keeps_bodies else b"",
        )
        self.close_connection = True
        listener.next_answer(self.request_made)(self)

    do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - http.server's names

    def send_head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and headers."""
        self.send_response(status)
        for name, value in {**headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_pieces(self, pieces: Iterator[bytes]) -> None:
        """Send a body in chunks, one for each piece."""
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def body_pieces(self) -> Iterator[bytes]:
        """Read the request's body, whether it has a length or comes in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (piece := self.rfile.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


Answer = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    # Of a connection that has gone before it was taken nothing is waited for.
    timeout = 0
    listener: HttpListener

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that have gone."""


class HttpListener:
    """The server: its `origin` is where it listens, `requests` what it was asked."""

    def __init__(
        self, *answers: Answer, host: str = HOST, keeps_bodies: bool = True
    ) -> None:
        """Prepare to listen on a free port of *host*.

        Without *answers* every request is answered 204. Without *keeps_bodies* the
        answers have to read the bodies, piece by piece.
        """
        self.keeps_bodies = keeps_bodies
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._server = _Server((host, 0), Exchange)
        self._server.listener = self
        self._thread = threading.Thread(target=self._serve)
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._lock = threading.Lock()
        self._answers = list(answers) or [reply(204)]
        self._host, self._scheme = host, "http"

    @property
    def port(self) -> int:
        """Return the port."""
        return self._server.server_port

    @property
    def origin(self) -> str:
        """Return where it listens, such as http://127.0.0.1:40000."""
        return f"{self._scheme}://{self._host}:{self.port}"

    @property
    def url(self) -> str:
        """Return a URL here that an app could name for its webhooks."""
        return f"{self.origin}/hooks"

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._scheme = "https"
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def answers(self, *answers: Answer) -> None:
        """Answer the next requests with these, and all others with the last."""
        with self._lock:
            self._answers = list(answers)

    def next_answer(self, request: Request) -> Answer:
        """Record *request* and take the next answer."""
        with self._lock:
            self.requests.append(request)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def wait_for(self, requests: int, seconds: float) -> bool:
        """Wait until there were so many requests; return whether there were."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < requests and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return len(self.requests) >= requests

    def __enter__(self) -> Self:
        """Begin to listen."""
        # Not by the thread: meanwhile the socket may be changed to speak TLS.
        self._selector.register(self._server, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self.over.set()
        self._wake.close()
        self._thread.join()
        self._server.server_close()
        self._woken.close()

    def _serve(self) -> None:
        """Take connections until the end; unlike `serve_forever`, ask for no time.

        Listeners are made for single tests, and each would be waited for at its end.
        """
        with self._selector:
            while not self.over.is_set():
                self._selector.select()
                if not self.over.is_set():
                    self._server.handle_request()


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
        named["Content-Type"] = "application/json"
    named |= headers or {}

    def answer(exchange: Exchange) -> None:
        exchange.send_head(status, named)
        exchange.wfile.write(content)

    return answer


def in_chunks(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer 200 without a length: in chunks."""

    def answer(exchange: Exchange) -> None:
        exchange.send_head(200, {**(headers or {}), "Transfer-Encoding": "chunked"})
        places = range(0, len(body), 60_000)
        exchange.send_pieces(body[place : place + 60_000] for place in places)

    return answer


def by(serve: Callable[[Request], tuple[int, bytes]]) -> Answer:
    """Answer with the status and the body that *serve* returns for the request."""

    def answer(exchange: Exchange) -> None:
        status, body = serve(exchange.request_made)
        reply(status, body)(exchange)

    return answer


def by_path(exchange: Exchange) -> None:
    """Answer with the status that the path ends in, else 204."""
    last = exchange.path.partition("?")[0].rpartition("/")[2]
    status = int(last) if last.isdigit() and len(last) == 3 else 204
    reply(status)(exchange)


def hang() -> Answer:
    """Read the request and answer nothing."""

    def answer(exchange: Exchange) -> None:
        exchange.server.listener.over.wait(LONGEST_SECONDS)

    return answer


def reset(after: bytes = b"") -> Answer:
    """Send *after* and reset the connection."""

    def answer(exchange: Exchange) -> None:
        exchange.wfile.write(after)
        exchange.wfile.flush()
        now = struct.pack("ii", 1, 0)
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        exchange.connection.close()

    return answer


def break_tls() -> Answer:
    """Answer with bytes that no TLS record begins with."""

    def answer(exchange: Exchange) -> None:
        raw = socket.socket(fileno=os.dup(exchange.connection.fileno()))
        with raw:
            raw.sendall(b"HTTP/1.1 201 Created, but not through the cipher")

    return answer
