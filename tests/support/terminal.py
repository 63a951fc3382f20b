"""Type the stack's commands in tests, beside whatever stack runs on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from stack.addresses import free_addresses
from stack.environments import ROOT
from tests.support.waiting import wait_for

# A stand-in for `python -m stack` that keeps its state where the test says.
COMMAND = """
import sys
from pathlib import Path
import stack.__main__ as commands
commands.STATE_DIR = Path(sys.argv[1])
sys.exit(commands.main(sys.argv[2:]))
"""


class Terminal:
    """Starts commands on ports and in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.addresses = free_addresses()
        self.folder = folder / "state"
        self.environ = {
            "PATH": os.environ["PATH"],
            # Whoever runs this may have a proxy or an AWS profile.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "AWS_PROFILE": "nobody",
            **{
                variable: str(port)
                for variable, port in self.addresses.by_variable().items()
            },
        }
        self._output = folder / "output"
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Return itself; leaving the block ends what was started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started and has not ended."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=30)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command; its output goes into a file."""
        with self._output.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, str(self.folder), *arguments],
                cwd=ROOT,
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-c", COMMAND, str(self.folder), *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def run_until_ready(self) -> subprocess.Popen[bytes]:
        """Start the stack and wait until it says that it is ready."""
        process = self.start("run")

        def ready() -> bool:
            assert process.poll() is None, self.output()
            lines = self.output().splitlines()
            return any(line.startswith("ready") for line in lines)

        wait_for(ready, 60)
        return process

    def output(self) -> str:
        """Return what the started command has printed."""
        return self._output.read_text()

    def children(self) -> dict[str, int]:
        """Return the pids of the stack's processes by module."""
        found: dict[str, int] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            for module in ("plivo_simulator", "stack.aws.server"):
                if module in words and self._is_ours(words):
                    found[module] = int(path.parent.name)
        return found

    def _is_ours(self, words: list[str]) -> bool:
        ports = [str(port) for port in self.addresses.by_variable().values()]
        return any(port in words for port in ports)
