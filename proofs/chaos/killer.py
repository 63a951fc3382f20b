"""Kill processes of functions: the embedded AWS's children, by their process ids."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")


def workers_of(server: int, functions: Iterable[str]) -> list[int]:
    """List the processes below *server* that run one of *functions* (names)."""
    wanted = tuple(f"ministack-lambda-{name}-" for name in functions)
    return [
        pid
        for pid, command in _children(server)
        if any(mark in command for mark in wanted)
    ]


def kill_one(server: int, functions: Iterable[str], dice: random.Random) -> bool:
    """Kill one of them without warning; say whether there was one."""
    running = workers_of(server, functions)
    if not running:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(running), signal.SIGKILL)
        return True
    return False


def _children(parent: int) -> Iterator[tuple[int, str]]:
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # pid (command) state ppid ...: the command may hold spaces and brackets.
            after = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(after[1]) == parent:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                yield int(folder.name), command.decode(errors="replace")
