"""Share one running stack among the processes of a test run.

The first that asks starts it, the others use it, and the one that started it ends it
when nobody uses it any more. The kernel drops the locks of a process that is killed,
and a stack ends with the process that started it, so nothing is left behind and the
next that asks starts another.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stack.addresses import free_addresses
from stack.running import RunningStack, StackError, find_running
from stack.stack import Stack

POLL_SECONDS = 0.1


@contextmanager
def shared_stack(folder: Path) -> Iterator[RunningStack]:
    """Use the stack of *folder*, which is started if none runs there.

    Args:
        folder: The same for all that share the stack; holds its state and the locks.

    Raises:
        StackError: The stack does not answer, or it could not be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "turn").open("w") as turn,
        (folder / "owner").open("w") as owner,
        (folder / "users").open("w") as users,
    ):
        stack: Stack | None = None
        with _locked(turn):
            if _try_lock(owner):
                stack = Stack(free_addresses(), folder / "state").__enter__()
            running = find_running(folder / "state")
            if running is None:
                raise StackError(f"The stack in {folder} does not answer.")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield running
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            while stack and not _ended(stack, turn, owner, users):
                time.sleep(POLL_SECONDS)


def _ended(stack: Stack, turn: IO[str], owner: IO[str], users: IO[str]) -> bool:
    """End *stack* unless somebody uses it; return whether it has ended."""
    with _locked(turn):
        if not _try_lock(users):
            return False
        stack.stop()
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(owner, fcntl.LOCK_UN)
        return True


@contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
