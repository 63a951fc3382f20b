"""Receivers of webhooks that take their time, on real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from masking.webhooks import http_post, ssrf_guard
from masking.webhooks.ssrf_guard import Target

# How often a receiver that drips sends a byte; shorter than any deadline of a test.
DRIP_SECONDS = 0.03

# The deadline of a request here; far less than any of these receivers takes, and how
# late it may be noticed on a busy machine.
DEADLINE = 0.4
SOON = 3.0

Receive = Callable[[socket.socket, threading.Event], None]


@contextmanager
def receiver(receive: Receive) -> Iterator[int]:
    """Let *receive* have each connection, on a thread; yield the port.

    Its event is set when the test is over.
    """
    over = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        threads: list[threading.Thread] = []

        def work(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                receive(connection, over)

        def serve() -> None:
            with suppress(OSError):
                while not over.is_set():
                    connection, _ = listener.accept()
                    thread = threading.Thread(target=work, args=(connection,))
                    threads.append(thread)
                    thread.start()

        server = threading.Thread(target=serve)
        server.start()
        port = listener.getsockname()[1]
        try:
            yield port
        finally:
            over.set()
            # Wakes what waits for a connection.
            socket.create_connection(("127.0.0.1", port)).close()
            server.join(10)
            for thread in threads:
                thread.join(10)


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Take the connection and do nothing."""
    over.wait(30)
    connection.close()


def drip(start: bytes, forever: bytes) -> Receive:
    """Return a receiver that answers *start*, then *forever* again, byte by byte."""

    def receive(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(start)
        while True:
            for byte in forever:
                if over.wait(DRIP_SECONDS):
                    return
                connection.sendall(bytes([byte]))

    return receive


def speaking_tls(context: ssl.SSLContext, receive: Receive) -> Receive:
    """Return a receiver that shakes hands before it receives."""

    def shake(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            receive(secure, over)

    return shake


def drip_handshake(connection: socket.socket, over: threading.Event) -> None:
    """Answer the client's first word of TLS byte by byte, with no end."""
    connection.recv(65_536)
    # The head of a record of 16 KiB, which nobody reads before it is whole.
    connection.sendall(b"\x16\x03\x03\x40\x00")
    while not over.wait(DRIP_SECONDS):
        connection.sendall(b"\x02")


def target_of(port: int, scheme: str = "http") -> Target:
    """Return what is vetted of a URL of this machine."""
    url = f"{scheme}://localhost:{port}/hooks"
    return ssrf_guard.vet(url, ssrf_guard.PUBLIC_AND_LOOPBACK, lambda *_: ["127.0.0.1"])


def assert_ends_at_the_deadline(
    target: Target, tls: ssl.SSLContext | None = None, body: bytes = b"{}"
) -> None:
    """Send, and see that it times out, and when; no thread is left of it."""
    threads = threading.active_count()
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        http_post.send(target, "POST", {}, body, seconds=DEADLINE, tls=tls)

    assert DEADLINE * 0.9 < time.monotonic() - started < SOON
    # Two are the receiver's own.
    assert threading.active_count() <= threads + 2
