"""Type a document's commands into a shell, on a stack that a test has.

What a reader types is typed as it is written, in a folder that looks like a clone. Only
the ports are those of the stack, and three programs stand for what would look for a
stack in the clone itself: `make`, `.venv/bin/maskline` and `.venv/bin/python -m stack`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.addresses import free_port
from stack.environments import ROOT
from stack.running import RunningStack
from tests.support.documents import Block

TIMEOUT_SECONDS = 120
# Ends what each block prints; nobody prints that himself.
MARK = "\x1e"

STOP = "[ $status = 0 ] || exit 1"

# The operator's command and the stack's, for the stack in the folder that is named.
MASKLINE = """#!{python}
import sys
from pathlib import Path
from operate.cli import maskline
from stack.running import find_running
maskline(obj=lambda: find_running(Path({state!r})))
"""
STACK = """
import sys
from pathlib import Path
import stack.__main__ as commands
commands.STATE_DIR = Path({state!r})
sys.exit(commands.main(sys.argv[1:]))
"""
PYTHON = """#!/bin/bash
if [ "$1" = -m ] && [ "$2" = stack ]; then
  shift 2
  exec {python} {folder}/stack_command.py "$@"
fi
exec {python} "$@"
"""
# What make would run: all but making the environments, which are there.
MAKE = """#!/bin/bash
set -e
commands=$({make} -f {root}/Makefile --dry-run --no-print-directory "$@")
eval "$(grep -v 'stack[.]environments' <<< "$commands")"
"""


@dataclass(frozen=True)
class Typed:
    """What came of a block: the status of its last command, and what was printed."""

    block: Block
    status: int
    out: str
    err: str


class Clone:
    """A folder that looks like a clone in which `make run` runs."""

    def __init__(self, folder: Path, stack: RunningStack) -> None:
        """Make the folder, with the files of the repository as links."""
        self.folder = folder / "clone"
        self._stack = stack
        bin_folder = self.folder / ".venv" / "bin"
        bin_folder.mkdir(parents=True)
        for path in ROOT.iterdir():
            if path.name not in (".local", ".venv", ".git", ".aws-sam"):
                (self.folder / path.name).symlink_to(path)
        state = self.folder / ".local" / "state"
        state.mkdir(parents=True)
        (state / "run").symlink_to(stack.run_dir)
        names = {
            "python": sys.executable,
            "make": shutil.which("make"),
            "root": ROOT,
            "folder": folder,
            "state": str(state),
        }
        (folder / "stack_command.py").write_text(STACK.format(**names))
        programs = folder / "programs"
        programs.mkdir()
        for path, text in (
            (bin_folder / "maskline", MASKLINE),
            (bin_folder / "python", PYTHON),
            (programs / "make", MAKE),
        ):
            path.write_text(text.format(**names))
            path.chmod(0o755)
        self._programs = programs

    def type(self, blocks: list[Block]) -> list[Typed]:
        """Type the blocks into one shell, until a command fails; end what it started.

        Raises AssertionError if that takes longer than two minutes.
        """
        script = ["set -u -o pipefail"]
        for block in blocks:
            mark = f"printf '{MARK}%s{MARK}' $status; printf '{MARK}' >&2"
            script += [self._here(block.text), f"status=$?; {mark}", STOP]
        out, err = (self.folder.parent / name for name in ("out", "err"))
        with out.open("w") as printed, err.open("w") as complained:
            shell = subprocess.Popen(
                ["/bin/bash", "-c", "\n".join(script)],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=complained,
                start_new_session=True,
            )
            try:
                shell.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                told = f"{out.read_text()[-3000:]}\n{err.read_text()[-1000:]}"
                raise AssertionError(f"not done in time: {told}") from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
        return list(_typed(blocks, out.read_text(), err.read_text()))

    def _here(self, text: str) -> str:
        """Return commands with the ports of the stack."""
        for usual, port in self._ports().items():
            text = re.sub(rf"(127\.0\.0\.1|localhost):{usual}\b", rf"\1:{port}", text)
        return text

    def _ports(self) -> Mapping[int, int]:
        addresses = self._stack.addresses
        return {
            8000: addresses.api_port,
            8001: addresses.plivo_port,
            4566: addresses.aws_port,
            8080: self._app_port,
        }

    @property
    def _app_port(self) -> int:
        """Return the port on which an app may listen in this folder."""
        chosen = self.folder.parent / "app-port"
        if not chosen.exists():
            chosen.write_text(str(free_port()))
        return int(chosen.read_text())

    def _environment(self) -> dict[str, str]:
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        return {
            "PATH": path,
            "HOME": str(self.folder.parent),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(
                str(ROOT / each) for each in ("", "layers/masking", "simulator/src")
            ),
            # As examples/receive_webhook.py reads it.
            "PORT": str(self._app_port),
            "NO_PROXY": "127.0.0.1",
        }


def _typed(blocks: list[Block], out: str, err: str) -> Iterator[Typed]:
    """Yield what came of each block that was typed."""
    printed, complained = out.split(MARK), err.split(MARK)
    for block, text, status, told in zip(
        blocks, printed[0::2], printed[1::2], complained, strict=False
    ):
        yield Typed(block, int(status), text, told)
