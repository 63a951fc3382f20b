"""A request to an app ends in time."""

from __future__ import annotations

import socket
import time

import pytest

from masking.webhooks import http_post, ssrf_guard


def test_a_server_that_drips_is_cut_off_after_the_time_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                for _ in range(200):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return
                    time.sleep(0.05)

        import threading

        dripping = threading.Thread(target=drip)
        dripping.start()
        target = ssrf_guard.vet(
            f"http://127.0.0.1:{port}/", ssrf_guard.PUBLIC_AND_LOOPBACK
        )
        started = time.monotonic()

        with pytest.raises((TimeoutError, OSError)):
            http_post.send(target, "POST", {}, b"{}", seconds=0.5)

        assert time.monotonic() - started < 5
        dripping.join(15)
