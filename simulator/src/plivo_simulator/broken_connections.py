"""Break connections: delay an answer, reset it in the middle, misstate its length.

ASGI can't express this, so the server's protocol class keeps each connection's
transport by the client's address, and broken answers are written or aborted there.
Without a real connection (an app called in process) a reset is raised.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}
_POLL_SECONDS = 0.05


class BreakableProtocol(H11Protocol):
    """HTTP/1.1 whose connections can be found and broken."""

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Remember the connection."""
        super().connection_made(transport)
        if self.client:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


class BrokenResponse(Response):
    """An answer that is written raw (*head*, *body*) and then cut off.

    *reset* sends RST instead of an orderly end.
    """

    def __init__(self, raw: bytes = b"", *, reset: bool = True) -> None:
        super().__init__()
        self._raw = raw
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Write, cut, and wait until the server has noticed."""
        transport = _TRANSPORTS.get(scope["client"] or ("", 0))
        if transport is None:
            if await Request(scope, receive).is_disconnected():
                return
            raise ConnectionResetError("the simulator reset the connection")
        if self._raw:
            transport.write(self._raw)
            await _flushed(transport)
        if self._reset:
            connection = transport.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


def half_response(response: Response) -> BrokenResponse:
    """Return *response* cut in the middle of its body."""
    body = bytes(response.body)
    return BrokenResponse(raw_answer(body, len(body))[: -max(len(body) // 2, 1)])


def raw_answer(
    body: bytes, length: int, content_type: str = "application/json", extra: str = ""
) -> bytes:
    """Return the bytes of a 200 with *length* as its Content-Length, true or not."""
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"content-type: {content_type}\r\n"
        f"content-length: {length}\r\n{extra}"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


async def hold(request: Request, seconds: float, stopping: asyncio.Event) -> None:
    """Wait for real *seconds*, or until the client leaves or *stopping* is set."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline and not stopping.is_set():
        if await request.is_disconnected():
            return
        await asyncio.sleep(min(_POLL_SECONDS, max(deadline - loop.time(), 0)))


async def _flushed(transport: asyncio.Transport) -> None:
    while transport.get_write_buffer_size() and not transport.is_closing():
        await asyncio.sleep(0)
