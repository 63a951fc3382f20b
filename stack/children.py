"""Start, watch and end the processes of the stack: each in a group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from stack.environments import ROOT

# Longer than a child needs for its own orderly end; then its whole group is killed.
GRACE_SECONDS = 8.0

# Bounds the wait for killed processes that nobody reaps.
KILL_SECONDS = 1.0


class ChildEndedError(Exception):
    """A process of the stack ended by itself; the message says which and how."""


class Child:
    """A running process, its log file and the pipe that ends it with its parent."""

    def __init__(
        self,
        what: str,
        python: Path,
        module: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
    ) -> None:
        """Start ``python -m module arguments`` from the root of the repository.

        Args:
            what: Its name in messages, such as ``the simulator``.
            python: Interpreter of the environment that it runs in.
            module: Module to run as ``__main__``.
            arguments: Its command line.
            environ: Its whole environment.
            log: File that takes its output; an older one is replaced.
        """
        self.what = what
        self.log = log
        self._ended = False
        lifeline, self._held = os.pipe()
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    [
                        *(str(python), "-m", "stack.lifeline", str(lifeline), module),
                        *arguments,
                    ],
                    cwd=ROOT,
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(lifeline,),
                    process_group=0,
                )
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(lifeline)

    @property
    def pid(self) -> int:
        """Return the process id, which is its group's as well."""
        return self._process.pid

    def check(self) -> None:
        """Raise if the process has ended.

        Raises:
            ChildEndedError: It has; the message names its exit status, its log and
                what that says last.
        """
        status = self._process.poll()
        if status is not None:
            said = self.log.read_text(errors="replace").strip().splitlines()
            last = f": {said[-1]}" if said else ""
            raise ChildEndedError(
                f"{self.what} (pid {self.pid}) ended with exit status {status}; "
                f"its log: {self.log}{last}"
            )

    def ask_to_end(self) -> None:
        """Send SIGTERM unless it has ended."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """End the process and whatever it left in its group, within *grace* seconds."""
        if self._ended:
            return
        self._ended = True
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace)
        # Its functions' processes are in its group, and may outlive it.
        kill_group(self.pid)
        self._process.wait()
        os.close(self._held)

    def __enter__(self) -> Self:
        """Return itself; leaving the block ends the process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.end()


def kill_group(group: int) -> None:
    """Kill what is left of process group *group*; return when it is gone."""
    deadline = time.monotonic() + KILL_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)


def end_all(children: Sequence[Child]) -> None:
    """End *children* together, waiting once and not once for each."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        child.end(max(0.1, deadline - time.monotonic()))
