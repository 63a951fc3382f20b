"""Run functions as SAM does, in containers: ``make sam-invoke``, ``make sam-api``.

Functions run in the containers of ``sam local``, from what ``make build`` made, and
work on the running stack: its table, its queues, its simulator. On Linux the stack is
relayed to the engine's bridge meanwhile; where there is none, as with Docker Desktop,
that says so and nothing is amiss.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.environments import ROOT, SAM
from stack.running import RunningStack, StackError, folder_of
from stack.sam_template import BUILT, CONTAINERS_HOST, functions_of, write_sam_template

# Container engines that `sam local` works with, by their commands.
ENGINES = ("docker", "finch")

# More options for `sam local`, for an engine that is set up in another way.
OPTIONS = "SAM_LOCAL_OPTIONS"

COMMAND = SAM / "bin" / "sam"

# Beside API Gateway's port of the stack, which is 8000.
API_PORT = 3000


def sam_invoke(
    stack: RunningStack,
    function: str,
    event_file: Path | None,
    environ: Mapping[str, str],
    *,
    sam: Path = COMMAND,
    built: Path = BUILT,
) -> int:
    """Invoke *function* (its folder's name) in a container; return SAM's exit status.

    Its event is *event_file*, by default ``events/<function>.json``. Raises StackError
    if something is missing; the message says what, and how it is had.
    """
    template = _prepare(stack, environ, sam, built)
    logical_ids = {folder_of(each): each for each in functions_of(template)}
    if function not in logical_ids:
        known = ", ".join(sorted(logical_ids))
        raise StackError(f"There is no function {function!r}; there are {known}.")
    event = event_file or ROOT / "events" / f"{function}.json"
    if not event.is_file():
        raise StackError(f"There is no event file {event}.")
    options = ["invoke", logical_ids[function], "--event", str(event)]
    return _run(template, options, environ, sam)


def sam_api(
    stack: RunningStack,
    environ: Mapping[str, str],
    *,
    sam: Path = COMMAND,
    built: Path = BUILT,
) -> int:
    """Serve the API on port 3000, each function in a container, until Ctrl-C.

    Raises StackError if something is missing; the message says what.
    """
    template = _prepare(stack, environ, sam, built)
    options = ["start-api", "--port", str(API_PORT), "--warm-containers", "LAZY"]
    return _run(template, options, environ, sam)


def _prepare(
    stack: RunningStack, environ: Mapping[str, str], sam: Path, built: Path
) -> Path:
    """Check what is needed, and write the template. Raises StackError."""
    _check_engine(environ)
    if not sam.is_file():
        raise StackError("SAM's command line is not installed here: make sam")
    return write_sam_template(stack, built)


def _check_engine(environ: Mapping[str, str]) -> None:
    without = "Without one, make invoke does the same on the running stack."
    found = [name for name in ENGINES if shutil.which(name, path=environ.get("PATH"))]
    if not found:
        raise StackError(
            f"sam local runs functions in containers, and there is no container engine "
            f"here: install Docker or Finch. {without}"
        )
    for name in found:
        path = str(shutil.which(name, path=environ.get("PATH")))
        done = subprocess.run([path, "info"], env=dict(environ), capture_output=True)
        if done.returncode == 0:
            return
    raise StackError(
        f"The container engine does not answer ({found[-1]} info fails): start it, or "
        f"set DOCKER_HOST to where it is. {without}"
    )


def _run(
    template: Path,
    options: Sequence[str],
    environ: Mapping[str, str],
    sam: Path,
) -> int:
    command = [
        *(str(sam), "local", *options),
        *("--template", str(template)),
        *("--add-host", f"{CONTAINERS_HOST}:host-gateway"),
        *shlex.split(environ.get(OPTIONS, "")),
    ]
    # A process of its own: it goes on while SAM works, and ends with this.
    bridge = subprocess.Popen([sys.executable, "-m", "stack", "bridge"], cwd=ROOT)
    try:
        return subprocess.run(command, env=_for_sam(environ)).returncode
    finally:
        bridge.terminate()
        bridge.wait()


def _for_sam(environ: Mapping[str, str]) -> dict[str, str]:
    # SAM would ask AWS who this is, and a function has the stack's credentials anyway.
    nobody = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    return {**environ, **nobody}
