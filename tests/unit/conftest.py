"""Hold the unit tests to their promise: none starts a process or serves the network.

A server in a thread of the test's own process, on this machine's loopback, is allowed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

# https://docs.python.org/3/library/audit_events.html
STARTS_A_PROCESS = frozenset(
    {
        *("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
        *("os.spawn", "os.startfile", "os.system", "pty.spawn"),
    }
)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# A hook stays for the life of the process; it speaks only while a test of ours runs.
_broken: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _broken is None:
        return
    if event in STARTS_A_PROCESS:
        _broken.append(f"{event}: a unit test starts no process")
    elif event == "socket.bind" and not _is_of_this_machine(arguments[1]):
        _broken.append(f"{event}: a unit test serves nobody but itself")
    else:
        return
    raise RuntimeError(_broken[-1])


def _is_of_this_machine(address: Any) -> bool:
    return isinstance(address, str | bytes) or address[0] in LOOPBACK


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def _no_process_and_no_server() -> Iterator[None]:
    global _broken
    _broken = []
    try:
        yield
        broken = _broken
    finally:
        _broken = None
    # The code under test may have caught the error.
    assert broken == []
