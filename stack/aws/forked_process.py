"""A process that `stack.aws.fork_server` forked, used as a `subprocess.Popen` is."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import weakref

# For the word of a fork server about a process that has ended.
STATUS_SECONDS = 1.0

# Of a process whose fork server was killed before it, so that nobody knows.
UNKNOWN_STATUS = 255


class ForkedProcess:
    """A process with pipes of text for its standard input, output and error.

    That server tells the exit status. Should it be killed, its processes go on: each is
    watched and signaled by a descriptor of its own.
    """

    def __init__(
        self, pid: int, process: int, status: int, pipes: tuple[int, int, int]
    ) -> None:
        """Take over the descriptors of a process.

        Args:
            pid: Its process id.
            process: Descriptor of the process, as `os.pidfd_open` returns it.
            status: Pipe that brings its exit status.
            pipes: Our ends of its standard input, output and error.
        """
        self.pid = pid
        self.returncode: int | None = None
        self.stdin = open(pipes[0], "w", buffering=1)  # noqa: PTH123, SIM115
        self.stdout = open(pipes[1])  # noqa: PTH123, SIM115
        self.stderr = open(pipes[2])  # noqa: PTH123, SIM115
        self._process = process
        self._status = status
        self._lock = threading.Lock()
        for descriptor in (process, status):
            weakref.finalize(self, os.close, descriptor)

    def poll(self) -> int | None:
        """Return the exit status, negative after a signal, or None while it runs."""
        with self._lock:
            if self.returncode is None and _readable(self._process, 0):
                known = _readable(self._status, STATUS_SECONDS)
                told = os.read(self._status, 16) if known else b""
                self.returncode = int(told) if told else UNKNOWN_STATUS
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once it has ended.

        Raises:
            subprocess.TimeoutExpired: It runs *timeout* seconds later.
        """
        _readable(self._process, timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Signal the process, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _readable(descriptor: int, seconds: float | None) -> bool:
    """Return whether *descriptor* can be read, or is at its end, within *seconds*."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
