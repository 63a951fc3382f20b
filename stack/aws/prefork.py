"""Start functions' processes from one that has imported the dependency layer.

Half of what a function's process costs is imports of packages, which are the same for
all. `stack.aws.fork_server` does them once for each stack and forks. A process is
started directly, as ministack does, where a forked one could differ from it: without
the known dependency layer, with modules or an environment of its own that would have
changed what was imported, or where the system has no descriptors of processes (pidfd;
Linux has). So it is as well if the fork server fails; one that was killed is started
again.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stack.aws import fork_server
from stack.aws.forked_process import ForkedProcess

# Longer than importing everything takes on a busy machine.
READY_SECONDS = 60.0
FORK_SECONDS = 10.0

# A fork server may be killed; one that fails again would always fail.
TRIES = 2

# Less than a socket takes at once. An environment on AWS has 4 KB at most.
MOST_BYTES = 100_000

# Room for what `ps` shows of a forked process.
PADDING = "-" * 1024

LAYERS = "_LAMBDA_LAYERS_DIRS"

# Read by the interpreter, the loader and the C library before any module is imported.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_")

# What ministack starts a function's process with, besides its folder and environment.
_PIPES: Mapping[str, Any] = {
    "stdin": subprocess.PIPE,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
    "bufsize": 1,
}


class _Running:
    """A fork server that runs, and what it said of its imports."""

    def __init__(self, python: Path, layer: Path) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.loaded: dict[str, Any] | None = None
        self.environ = dict(os.environ)
        number = theirs.fileno()
        command = [str(python), fork_server.__file__, str(number), str(layer), PADDING]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=self.environ,
                pass_fds=(number,),
            )
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()

    def wait_until_ready(self) -> dict[str, Any]:
        """Return what it said of its imports.

        Raises:
            OSError: It ended before, or it takes too long.
        """
        if self.loaded is None:
            self.control.settimeout(READY_SECONDS)
            self.loaded = json.loads(_message(self.control))
            self.control.settimeout(FORK_SECONDS)
        return self.loaded

    def fork(self, request: bytes) -> ForkedProcess:
        """Return the process that runs *request*.

        Raises:
            OSError: The fork server has ended or does not answer.
        """
        # The ends for the process first: it reads the first pipe, writes the others.
        pairs = [os.pipe() for _ in range(fork_server.DESCRIPTORS)]
        pairs[0] = (pairs[0][1], pairs[0][0])
        ours = [pair[0] for pair in pairs]
        try:
            socket.send_fds(self.control, [request], [pair[1] for pair in pairs])
            answer, (process,), _, _ = socket.recv_fds(self.control, 16, 1)
        except (OSError, ValueError) as error:
            for descriptor in ours:
                os.close(descriptor)
            raise OSError(f"it did not fork: {error}") from error
        finally:
            for _, theirs in pairs:
                os.close(theirs)
        os.set_inheritable(process, False)
        return ForkedProcess(int(answer), process, ours[3], (ours[0], ours[1], ours[2]))

    def end(self) -> None:
        """End it; processes that it forked go on."""
        self.control.close()
        self.process.kill()
        self.process.wait()


class Prefork:
    """Start processes as `subprocess.Popen` does, those of functions by forking."""

    def __init__(self, python: Path, layer: Path | None) -> None:
        """Fork for what *python* would run with the packages of *layer*.

        Args:
            python: Interpreter of functions, without packages.
            layer: Folder in which the dependency layer is installed; without one,
                every process is started directly.
        """
        self._python = python
        self._layer = layer
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._given_up = not hasattr(os, "pidfd_open")

    def start(self) -> None:
        """Start the fork server, without waiting for its imports."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """End the fork server; what it forked goes on."""
        with self._lock:
            self._given_up = True
            self._end()

    def popen(self, args: Sequence[str], **options: Any) -> Any:
        """Start a process as `subprocess.Popen` does."""
        forked = (
            self._fork(args, **options) if self._is_function(args, options) else None
        )
        return forked or subprocess.Popen(args, **options)

    def _is_function(self, args: Sequence[str], options: Mapping[str, Any]) -> bool:
        others = {
            name: value for name, value in options.items() if name not in {"cwd", "env"}
        }
        return len(args) == 2 and args[0] == str(self._python) and others == _PIPES

    def _fork(
        self, args: Sequence[str], *, cwd: str, env: Mapping[str, str], **_: Any
    ) -> ForkedProcess | None:
        request = json.dumps({"argv": args, "cwd": cwd, "environ": env}).encode()
        if len(request) > MOST_BYTES:
            return None
        with self._lock:
            for _attempt in range(TRIES):
                running = self._start()
                if running is None:
                    return None
                try:
                    loaded = running.wait_until_ready()
                    if not self._would_import_the_same(
                        running.environ, loaded, cwd, env
                    ):
                        return None
                    return running.fork(request)
                except OSError as error:
                    print(f"the fork server failed: {error}", file=sys.stderr)
                    self._end()
            self._give_up("the fork server failed again")
        return None

    def _start(self) -> _Running | None:
        if self._layer and self._running is None and not self._given_up:
            try:
                self._running = _Running(self._python, self._layer)
            except OSError as error:
                self._give_up(str(error))
        return self._running

    def _give_up(self, why: str) -> None:
        print(f"functions are started directly: {why}", file=sys.stderr, flush=True)
        self._given_up = True
        self._end()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running:
            running.end()

    def _would_import_the_same(
        self,
        base: Mapping[str, str],
        loaded: Mapping[str, Any],
        cwd: str,
        env: Mapping[str, str],
    ) -> bool:
        """Return whether a process of its own would have imported what was imported."""
        asked = loaded["asked"]
        if "*" in asked and dict(base) != dict(env):
            return False
        if any(env.get(name) != value for name, value in asked.items() if name != "*"):
            return False
        if _read_at_start(base) != _read_at_start(env):
            return False
        folders = list(_layer_folders(env.get(LAYERS, "")))
        if self._layer not in folders:
            return False
        imported = set(loaded["imported"])
        return not any(
            entry.name.partition(".")[0] in imported
            for folder in (Path(cwd), *folders)
            if folder != self._layer and folder.is_dir()
            for entry in folder.iterdir()
        )


def _read_at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if k.startswith(READ_AT_START)}


def _layer_folders(layers: str) -> Iterator[Path]:
    """Return where modules of *layers* are found, as ministack's worker has it."""
    for layer in filter(None, layers.split(os.pathsep)):
        yield Path(layer)
        yield Path(layer, "python")
        for packages in Path(layer, "python", "lib").glob("*/site-packages"):
            yield packages
            for pointer in packages.glob("*.pth"):
                yield from map(Path, pointer.read_text().splitlines())


def _message(control: socket.socket) -> bytes:
    message = control.recv(fork_server.MESSAGE_BYTES)
    if not message:
        raise OSError("it has ended")
    return message
