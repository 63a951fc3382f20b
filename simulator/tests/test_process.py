"""Test `python -m plivo_simulator`: its start, its output, its end."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN
from plivo_simulator.server import CannotListenError, running

PACKAGE = Path(__file__).parents[1]


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until the block ends; yield the process and its first line."""
    with subprocess.Popen(
        [sys.executable, "-m", "plivo_simulator", *arguments],
        cwd=PACKAGE,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().strip()
        finally:
            child.kill()


def a_free_port() -> int:
    """Return a port that nobody listens on, nor an outgoing connection is given."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("of a hundred ports none is free")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_cleanly(number: signal.Signals) -> None:
    port = a_free_port()
    with process("--port", str(port)) as (child, line):
        health = httpx.get(f"http://127.0.0.1:{port}/_sim/health")

        child.send_signal(number)
        _, errors = child.communicate(timeout=10)

    assert line == f"Plivo simulator listening on http://127.0.0.1:{port}"
    assert health.json()["status"] == "ok"
    assert (child.returncode, errors) == (0, "")


def test_it_ends_at_once_though_requests_hang_and_calls_are_up() -> None:
    port = a_free_port()
    with process("--port", str(port)) as (child, _):
        origin = f"http://127.0.0.1:{port}"
        url = f"{origin}/v1/Account/{AUTH_ID}/Masking/Session/"
        body = {"first_party": "+12025550100", "second_party": "+12025550101"}
        auth = (AUTH_ID, AUTH_TOKEN)
        created = httpx.post(url, json=body, auth=auth).json()
        call = {"from": "+12025550100", "to": created["virtual_number"]}
        httpx.post(f"{origin}/_sim/calls", json={**call, "talk_seconds": 1000})
        fault = {"create_timeout_after_commit": {"seconds": 600}}
        httpx.put(f"{origin}/_sim/faults", json=fault)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=body, auth=auth, timeout=0.2)
        streaming = threading.Event()
        events = (f"{origin}/_sim/events", streaming)
        hanging = [
            threading.Thread(target=_ignore_errors, args=(url, body, auth)),
            threading.Thread(target=_read_events, args=events),
        ]
        for thread in hanging:
            thread.start()
        assert streaming.wait(10)
        _wait_for_sessions(origin, 3)
        started = time.monotonic()

        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=10)
        for thread in hanging:
            thread.join(10)

    assert (child.returncode, errors) == (0, "")
    assert time.monotonic() - started < 5


def _ignore_errors(url: str, body: dict[str, str], auth: tuple[str, str]) -> None:
    with suppress(httpx.HTTPError):
        httpx.post(url, json=body, auth=auth, timeout=20)


def _wait_for_sessions(origin: str, count: int) -> None:
    deadline = time.monotonic() + 10
    while httpx.get(f"{origin}/_sim/health").json()["sessions"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _read_events(url: str, streaming: threading.Event) -> None:
    with suppress(httpx.HTTPError), httpx.stream("GET", url, timeout=20) as answer:
        streaming.set()
        for _ in answer.iter_lines():
            pass


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with process("--port", str(port)) as (child, line):
            _, errors = child.communicate(timeout=10)

    assert line == ""
    assert child.returncode == 1
    assert errors == f"can't listen on 127.0.0.1:{port}: Address already in use\n"


def test_an_unreasonable_speed_is_a_usage_error() -> None:
    with process("--port", "0", "--speed", "-3") as (child, _):
        _, errors = child.communicate(timeout=10)

    assert child.returncode == 2
    assert "speed must be between 0 and 10000" in errors


def test_a_served_simulator_leaves_no_thread_and_no_port() -> None:
    before = set(threading.enumerate())
    with running() as server:
        port = int(server.origin.rpartition(":")[2])
        assert httpx.get(f"{server.origin}/_sim/health").status_code == 200

    assert set(threading.enumerate()) == before
    with running(port=port) as again:
        assert again.origin == server.origin


def test_two_simulators_run_side_by_side() -> None:
    with running() as one, running() as other:
        assert one.origin != other.origin
        with (
            pytest.raises(CannotListenError),
            running(port=int(one.origin.rpartition(":")[2])),
        ):
            pass
