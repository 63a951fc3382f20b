"""Send one HTTP request to a vetted address, before a deadline.

No redirect is followed and no proxy used; of the answer only the status is read. Every
step waits on its socket for no longer than what the deadline leaves: connecting, the
TLS handshake, each piece that is sent, each piece that is read. So an app ends no later
however slowly it takes or drips, and no thread watches.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from masking.core.deadlines import Deadline
from masking.domain import deliveries
from masking.webhooks.ssrf_guard import PORTS, Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def send(
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float = deliveries.SECONDS,
    tls: ssl.SSLContext | None = None,
) -> int:
    """Send the request; return the answer's status, all of it within *seconds*.

    Raises TimeoutError when they are over, OSError (TLS among it) or
    http.client.HTTPException if there is no answer. *tls* is for https; by default the
    certificates that this machine trusts.
    """
    deadline = Deadline(seconds)
    resource = f"{target.path}?{target.query}" if target.query else target.path
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.default_port = PORTS[target.scheme]
    # A connection with a socket opens no other.
    connection.sock = _connected(target, deadline, tls)
    try:
        connection.request(method, resource, body=body, headers=dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


class _TimedSocket:
    """What http.client needs of a socket, each step within the deadline."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of *data*; a socket's own `sendall` times each record of TLS."""
        left = memoryview(data)
        while left:
            self._socket.settimeout(self._deadline.left())
            left = left[self._socket.send(left) :]

    def receive_into(self, buffer: WriteableBuffer) -> int:
        """Read a piece, as much as there is; return its length, 0 at the end."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the file that the answer is read from."""
        return io.BufferedReader(_Answer(self))

    def close(self) -> None:
        """Close the socket, without a word to the other side."""
        self._socket.close()


class _Answer(io.RawIOBase):
    """The bytes of an answer."""

    def __init__(self, source: _TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read a piece into *buffer*."""
        return self._source.receive_into(buffer)


def _connected(
    target: Target, deadline: Deadline, tls: ssl.SSLContext | None
) -> _TimedSocket:
    """Connect to the vetted address and to no other."""
    plain = socket.create_connection((target.address, target.port), deadline.left())
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if target.scheme != "https":
        return _TimedSocket(plain, deadline)
    try:
        # A handshake as a whole takes no longer than the socket's time limit.
        plain.settimeout(deadline.left())
        secure = (tls or _tls()).wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise
    return _TimedSocket(secure, deadline)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
