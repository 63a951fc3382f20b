"""Send one HTTP request to a vetted address, within five seconds.

No redirect is followed and no proxy used; of the answer only the status is read. A
watchdog ends the connection at the deadline, however slowly data comes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache

from masking.webhooks.ssrf_guard import Target

SECONDS = 5.0


def send(
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float = SECONDS,
) -> int:
    """Send the request; return the answer's status.

    Raises OSError (time-outs and TLS among it) or http.client.HTTPException if there
    is no answer in time.
    """
    resource = f"{target.path}?{target.query}" if target.query else target.path
    connection = _connection(target, seconds)
    with _watched(connection, seconds):
        connection.connect()
        connection.request(method, resource, body=body, headers=dict(headers))
        return connection.getresponse().status


def _connection(target: Target, seconds: float) -> http.client.HTTPConnection:
    """Make a connection that goes to the vetted address and to no other."""
    if target.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            target.host, target.port, timeout=seconds, context=_tls()
        )
    else:
        connection = http.client.HTTPConnection(
            target.host, target.port, timeout=seconds
        )

    def pinned(
        _address: tuple[str, int], timeout: float, _source: object = None
    ) -> socket.socket:
        return socket.create_connection((target.address, target.port), timeout)

    # As http.client itself allows: its name resolution is this one function.
    connection._create_connection = pinned  # type: ignore[attr-defined]
    return connection


@contextmanager
def _watched(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """Break the connection when its time is up; close it in any case."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(seconds, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if is_late.is_set():
            raise TimeoutError from None
        raise
    finally:
        watchdog.cancel()
        connection.close()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
