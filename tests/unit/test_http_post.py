"""A request to an app ends at its deadline, whatever the app does."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from masking.webhooks import http_post
from masking.webhooks.ssrf_guard import Target
from tests.support.slow_receivers import (
    SOON,
    Receive,
    assert_ends_at_the_deadline,
    drip,
    drip_handshake,
    hang,
    receiver,
    target_of,
)


@pytest.mark.parametrize(
    "receive",
    [
        hang,
        drip(b"", b"H"),
        drip(b"HTTP/1.1 ", b"2"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["hangs", "no status", "status", "a header", "headers", "continues"],
)
def test_an_answer_that_never_comes_whole_is_given_up_at_the_deadline(
    receive: Receive,
) -> None:
    with receiver(receive) as port:
        assert_ends_at_the_deadline(target_of(port))


def test_of_an_answer_only_the_status_is_read_however_its_body_drips() -> None:
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n"
    with receiver(drip(head, b"a")) as port:
        started = time.monotonic()

        status = http_post.send(target_of(port), "POST", {}, b"{}", seconds=5)

        assert status == 202
        assert time.monotonic() - started < SOON


@pytest.mark.parametrize("receive", [hang, drip_handshake], ids=["hangs", "drips"])
def test_a_handshake_that_never_ends_is_given_up_at_the_deadline(
    receive: Receive,
) -> None:
    with receiver(receive) as port:
        assert_ends_at_the_deadline(target_of(port, "https"))


def test_a_receiver_that_takes_nothing_is_given_up_at_the_deadline() -> None:
    with receiver(hang) as port:
        # More than the buffers of both sides hold.
        assert_ends_at_the_deadline(target_of(port), body=b"x" * 32_000_000)


def test_a_port_is_named_to_the_app_only_where_it_is_unusual() -> None:
    heard: list[bytes] = []

    def receive(connection: socket.socket, _: threading.Event) -> None:
        request = connection.recv(65_536)
        # Its head and its body may come apart.
        if request.endswith(b"\r\n\r\n"):
            request += connection.recv(65_536)
        heard.append(request)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with receiver(receive) as port:
        http_post.send(target_of(port), "POST", {"a": "b"}, b"{}", seconds=5)
        usual = Target("http", "app.example.com", 80, "127.0.0.1", "/", "")
        moved = Target(**{**vars(usual), "port": port})
        http_post.send(moved, "POST", {}, b"{}", seconds=5)

    assert f"Host: localhost:{port}\r\n".encode() in heard[0]
    assert heard[0].endswith(b"a: b\r\n\r\n{}")
    assert f"Host: app.example.com:{port}\r\n".encode() in heard[1]
