"""Measure cold starts: CPU of a whole process that imports a handler and answers once.

| way           | what                                                               |
|---------------|--------------------------------------------------------------------|
| ours          | the built artifact, on the runtime's Python                        |
| bare          | the interpreter, which does nothing                                |
| floor         | a create by pydantic and requests that are signed by hand          |
| tutorial      | a callback by Tracer, resolver, boto3 resource, idempotency store  |

Ways take turns, and a ratio is the median of those of each turn: a busy machine slows
all alike. The other side is a stack of its own, whose CPU does not count.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.benches.starts import artifact
from proofs.benches.starts.surroundings import Handler, Surroundings, tls_before
from proofs.report import Report
from proofs.runner import ProofError
from stack.addresses import free_addresses
from stack.stack import Stack

# Turns of the ways that goals are about, and of every other function.
TURNS = 13
OTHER_TURNS = 3

# Goals, as ratios.
CREATE_BESIDE_FLOOR = 2.3
REQUEST_BESIDE_FLOOR = 4.0
CALLBACK_BESIDE_TUTORIAL = 0.6

TABLE = "cold start, CPU"

# One way to be started: its handler and a new event for each turn.
Way = tuple[Handler | None, Callable[[], dict[str, Any]]]


@dataclass(frozen=True)
class Start:
    """CPU seconds of a process: all of it, and what its first invocation took."""

    total: float
    invocation: float = 0.0


def run(turns: int = TURNS, other_turns: int = OTHER_TURNS) -> Report:
    """Measure each function and compare with the goals."""
    with started() as place:
        goal_ways: dict[str, Way] = {
            "bare": (None, dict),
            "floor": (place.floor(), place.create),
            "tutorial": (place.tutorial(), place.callback),
            **ours(place, "create_session", "authorize", "on_session_event"),
        }
        found = measure(goal_ways, turns)
        others = [name for name in artifact.functions() if name not in found]
        ways = {"bare": (None, dict), **ours(place, *others)} if other_turns else {}
        rest = measure(ways, other_turns)
    return compare(found, rest)


def ours(place: Surroundings, *functions: str) -> dict[str, Way]:
    """Return functions of ours as ways to be started."""

    def way(function: str) -> Way:
        return place.ours(function), lambda: place.event(function)

    return {function: way(function) for function in functions}


def measure(ways: Mapping[str, Way], turns: int) -> dict[str, list[Start]]:
    """Start every way in turns; return what each took in each turn."""
    found: dict[str, list[Start]] = {name: [] for name in ways}
    # The first brings files into memory.
    for turn in range(turns + 1):
        for name, (handler, event) in ways.items():
            taken = start(handler, event())
            if turn:
                found[name].append(taken)
    return found


def start(handler: Handler | None, event: dict[str, Any]) -> Start:
    """Start a process, let it answer *event*; return what it took.

    Raises ProofError if it did not answer, or answered that it had failed.
    """
    script = Path(__file__).with_name("child.py")
    command = [str(artifact.python()), "-I", "-S", "-B", str(script)]
    if handler:
        command += [handler.module, *map(str, handler.folders)]
    process = subprocess.Popen(
        command,
        env=handler.environment if handler else {},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    )
    assert process.stdin  # noqa: S101 - they are pipes
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    process.stdin.write(json.dumps(event).encode())
    process.stdin.close()
    said, complained = process.stdout.read(), process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if handler is None:
        return Start(used.ru_utime + used.ru_stime)
    lines = said.decode().splitlines()
    if process.returncode or len(lines) < 2:
        raise ProofError(f"{handler.module} ended: {complained.decode()[-2000:]}")
    _, imported, answered = map(float, lines[-1].split())
    answer = json.loads(lines[-2])
    if isinstance(answer, dict) and answer.get("statusCode", 200) >= 500:
        raise ProofError(f"{handler.module} answered {lines[-2][:500]}")
    return Start(used.ru_utime + used.ru_stime, answered - imported)


def ratio(one: list[Start], other: list[Start]) -> float:
    """Return how many times *other* takes *one*: the median of the turns."""
    pairs = zip(one, other, strict=True)
    return statistics.median(a.total / b.total for a, b in pairs)


def compare(found: dict[str, list[Start]], rest: dict[str, list[Start]]) -> Report:
    """Compare what was measured with the goals, and list all functions."""
    report = Report("bench starts")
    for group in (found, rest):
        for name, taken in group.items():
            row = report.row(TABLE, name)
            row["x bare"] = ratio(taken, group["bare"])
            if group is found:
                row["x floor"] = ratio(taken, found["floor"])
            both = (each.invocation / each.total for each in taken)
            row["in the first call"] = f"{statistics.median(both):.0%}"
    create, floor = found["create_session"], found["floor"]
    pairs = zip(create, found["authorize"], strict=True)
    request = [Start(a.total + b.total) for a, b in pairs]
    callback = ratio(found["on_session_event"], found["tutorial"])
    goals = (
        ("a create, x the floor", ratio(create, floor), CREATE_BESIDE_FLOOR),
        (
            "a first request with its authorizer, x the floor",
            ratio(request, floor),
            REQUEST_BESIDE_FLOOR,
        ),
        ("a callback, x the tutorial's", callback, CALLBACK_BESIDE_TUTORIAL),
    )
    for name, value, most in goals:
        row = report.row("cold start beside other ways", name)
        row |= {"measured": value, "goal": f"<= {most}"}
        report.check(value <= most, f"{name}: at most {most}", f"{value:.2f}")
    return report


@contextmanager
def started() -> Iterator[Surroundings]:
    """Run a stack with TLS before its simulator, and what handlers are started in."""
    with (
        tempfile.TemporaryDirectory(prefix="maskline-starts-") as folder,
        Stack(free_addresses(), Path(folder, "stack")) as stack,
        tls_before(stack.running.addresses.plivo_url, stack.running.run_dir) as plivo,
    ):
        handlers = Path(folder, "handlers")
        handlers.mkdir()
        yield Surroundings(stack.running, handlers, plivo)
