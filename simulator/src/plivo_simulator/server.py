"""Serve the simulator on a port of this machine, in this process.

`serve` is the command: it runs until it is told to stop. `running` is for tests and
other programs: a server in a thread, gone when the block ends.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

from .app import create_app
from .app_proxy import AppAddress
from .broken_connections import BreakableProtocol
from .clock import Clock
from .simulator import Simulator

START_SECONDS = 10.0
STOP_SECONDS = 10.0
GRACE_SECONDS = 1


class CannotListenError(Exception):
    """The address can't be listened on; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that is being served: its address, and the object behind it."""

    origin: str
    simulator: Simulator


def serve(
    host: str,
    port: int,
    speed: float = 1.0,
    seed: int = 0,
    app_address: AppAddress | None = None,
    *,
    state: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Raise CannotListenError or StateError."""
    with _listen(host, port) as listener, suppress(KeyboardInterrupt):
        server, _ = _server(listener, host, speed, seed, app_address, state)
        origin = _origin(listener, host)
        print(f"Plivo simulator listening on {origin}", flush=True)
        # uvicorn ends in good order and then raises the signal again: make that the
        # end.
        signal.signal(signal.SIGTERM, _leave)
        server.run(sockets=[listener])


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


@contextmanager
def running(
    port: int = 0,
    host: str = "127.0.0.1",
    speed: float = 1.0,
    seed: int = 0,
    app_address: AppAddress | None = None,
    state: Path | None = None,
) -> Iterator[Running]:
    """Serve in a thread while the block runs; port 0 takes a free one.

    Raise StateError if the file *state* can't be read.
    """
    with _listen(host, port) as listener:
        server, simulator = _server(listener, host, speed, seed, app_address, state)
        work = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="plivo simulator"
        )
        work.start()
        try:
            _await_start(server, work)
            yield Running(_origin(listener, host), simulator)
        finally:
            server.should_exit = True
            work.join(STOP_SECONDS)
    if work.is_alive():
        raise RuntimeError("the simulator's thread did not end")


class _Server(uvicorn.Server):
    """A server that stops the simulator before it waits for connections."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator) -> None:
        super().__init__(config)
        self._simulator = simulator

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down."""
        self._simulator.stop()
        await super().shutdown(sockets)


def _server(
    listener: socket.socket,
    host: str,
    speed: float,
    seed: int,
    app_address: AppAddress | None,
    state: Path | None,
) -> tuple[uvicorn.Server, Simulator]:
    origin = _origin(listener, host)
    clock = Clock(speed)
    app = create_app(
        origin, clock=clock, seed=seed, app_address=app_address, state=state
    )
    config = uvicorn.Config(
        app,
        http=BreakableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Connections are found by the client's address: it must be the real one.
        proxy_headers=False,
        # A connection may be held for long by a fault; stopping doesn't wait for it.
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    simulator: Simulator = app.state.simulator
    return _Server(config, simulator), simulator


def _listen(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's delay of 40 ms off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as exc:
        listener.close()
        reason = exc.strerror or str(exc)
        raise CannotListenError(f"can't listen on {host}:{port}: {reason}") from exc
    return listener


def _origin(listener: socket.socket, host: str) -> str:
    return f"http://{host}:{listener.getsockname()[1]}"


def _await_start(server: uvicorn.Server, work: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not work.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the simulator did not start")
        time.sleep(0.005)
