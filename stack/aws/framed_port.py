"""Serve an ASGI application in frames over a Unix socket, without HTTP and TLS.

For tests alone: parsing HTTP and ciphering took more than half of the emulator's work.
The application gets the same request as over HTTPS, signature included.

A request is a frame, and so is its answer: the lengths of head and body, four bytes
each, then the head as JSON and the body as it is. A request's head is ``[method, path,
headers]``, an answer's ``[status, headers]``, and headers are ``[[name, value], ...]``.
A connection carries one request at a time and is kept open.
"""

from __future__ import annotations

import asyncio
import json
import struct
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from stack.addresses import HOST
from stack.aws.api_port import Application, Message, Scope

_LENGTHS = struct.Struct("!II")
# Bytes of headers as text, as in HTTP: one character for each.
_TEXT = "latin-1"

RawHeaders = Iterable[tuple[bytes, bytes]]


def frame(head: object, body: bytes) -> bytes:
    """Return a frame of a head, which JSON can hold, and a body."""
    packed = json.dumps(head).encode("ascii")
    return b"".join((_LENGTHS.pack(len(packed), len(body)), packed, body))


def unframe(received: bytearray) -> tuple[Any, bytes] | None:
    """Return the head and the body of a frame, or None while some of it is missing."""
    if len(received) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack_from(received)
    start, end = _LENGTHS.size + head, _LENGTHS.size + head + body
    if len(received) < end:
        return None
    return json.loads(received[_LENGTHS.size : start]), bytes(received[start:end])


class FramedPort:
    """A socket at which an application is served."""

    def __init__(self, application: Application, aws_port: int) -> None:
        """Serve *application* as if its requests came to *aws_port*."""
        self.application = application
        self.address = (HOST, aws_port)
        self.connections: set[_Connection] = set()
        self._server: asyncio.AbstractServer | None = None

    async def listen(self, path: Path) -> None:
        """Begin to serve at the socket *path*, which is made."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Connection(self), path)

    async def close(self) -> None:
        """End all connections; what is being answered gets no answer."""
        if self._server:
            self._server.close()
        for connection in list(self.connections):
            await connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, port: FramedPort) -> None:
        self._port = port
        self._received = bytearray()
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._port.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if request := unframe(self._received):
            self._received.clear()
            # A task has context variables of its own: there the emulator keeps whose
            # request it is.
            self._task = asyncio.create_task(self._answer(*request))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._port.connections.discard(self)
        self._lost.set()

    async def close(self) -> None:
        self._transport.close()
        await self._lost.wait()

    async def _answer(self, head: Any, body: bytes) -> None:
        exchange = _Exchange(body, self._lost)
        try:
            await self._port.application(
                self._scope(*head), exchange.receive, exchange.send
            )
        except Exception:  # The others go on, as over HTTP.
            traceback.print_exc()
            exchange = _Exchange(b"", self._lost)
        if not self._lost.is_set():
            self._transport.write(exchange.answer())

    def _scope(self, method: str, path: str, headers: list[list[str]]) -> Scope:
        raw_path, _, query = path.encode("ascii").partition(b"?")
        return {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": method,
            "scheme": "https",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": [
                (name.lower().encode(_TEXT), value.encode(_TEXT))
                for name, value in headers
            ],
            "client": (HOST, 0),
            "server": self._port.address,
            "state": {},
            "extensions": {},
        }


class _Exchange:
    """One request and its answer, as an application takes and gives them."""

    def __init__(self, body: bytes, lost: asyncio.Event) -> None:
        self._body: bytes | None = body
        self._lost = lost
        # What a failure of the application reads as.
        self._status = 500
        self._headers: RawHeaders = ()
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """Return the body, and the end of the connection when it has come."""
        if self._body is None:
            await self._lost.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Keep a part of the answer."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
        elif message["type"] == "http.response.body":
            self._chunks.append(message.get("body", b""))

    def answer(self) -> bytes:
        """Return the frame of the answer."""
        headers = [(k.decode(_TEXT), v.decode(_TEXT)) for k, v in self._headers]
        return frame((self._status, headers), b"".join(self._chunks))
