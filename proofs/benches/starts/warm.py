"""Measure a warm function: CPU of an invocation beside its calls by botocore alone.

What a function asks for in one invocation is noted and then asked for again, by
botocore as it comes and by http.client, with nothing of ours. Both sides take turns in
processes of their own, on the runtime's Python and the built artifact.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from pathlib import Path
from typing import Any

from plivo_simulator import account
from proofs.benches.starts import artifact
from proofs.benches.starts.run import started
from proofs.benches.starts.surroundings import Handler, Surroundings
from proofs.report import Report
from proofs.runner import ProofError

TURNS = 5
INVOCATIONS = 100

# Of what makes fewer calls, three times as many are measured: one is soon over.
SHORT = 3

# What the memory of so many invocations may grow by.
LASTING = 10_000
MOST_GROWTH = 1 << 20

MOST = 1.2

FUNCTIONS = ("create_session", "get_session", "on_session_event", "authorize")

# Names that the SDK has for operations.
WORD = re.compile(r"(?<!^)(?=[A-Z])")
CONDITIONS = ("ConditionExpression", "ReturnValuesOnConditionCheckFailure")


def run(
    turns: int = TURNS, invocations: int = INVOCATIONS, lasting: int = LASTING
) -> Report:
    """Measure, and compare with the goals."""
    report = Report("bench warm")
    with started() as place:
        if lasting:
            # First: later the session that is read has hundreds of callbacks.
            _last(report, place, lasting)
        for function in FUNCTIONS:
            _compare(report, place, function, turns, invocations)
    return report


def _compare(
    report: Report, place: Surroundings, function: str, turns: int, invocations: int
) -> None:
    handler = place.ours(function)
    # The second invocation is warm: secrets and settings are there.
    calls = [
        _bare(service, operation, asked)
        for service, operation, asked in _run(
            handler, "calls", _given(place, function, 1)
        )
        if service != "secretsmanager"
    ]
    if len(calls) < SHORT:
        invocations *= 3
    ratios = []
    for _ in range(turns):
        ours = _run(handler, "ours", _given(place, function, invocations))
        bare = _run(handler, "bare", {"calls": calls, "count": invocations})
        ratios.append(ours["microseconds"] / bare["microseconds"])
    value = statistics.median(ratios)
    most = max(ours["connections"].values())
    row = report.row("a warm invocation beside bare botocore", function)
    row |= {"calls": len(calls), "x bare": value, "goal": f"<= {MOST}"}
    row["connections to one place"] = most
    name = f"a warm invocation takes at most {MOST} of bare botocore's CPU"
    report.check(value <= MOST, name, f"{function} takes {value:.2f}")
    connected = ", ".join(f"{n} to {to}" for to, n in ours["connections"].items())
    one = "a warm function keeps one connection to each place"
    report.check(most == 1, one, f"{function} opened {connected}")


def _last(report: Report, place: Surroundings, lasting: int) -> None:
    """Let a function answer for long, and see what its memory grows by."""
    # A tenth more, first: caches fill, and the allocator takes what it will reuse.
    given = _given(place, "get_session", 100)
    given |= {"times": lasting * 11 // 1_000, "warm_up": lasting // 10}
    told = _run(place.ours("get_session"), "ours", given)
    row = report.row("memory of a function that lasts", "get_session")
    row |= {"invocations": lasting, "growth, KiB": told["growth"] / 1024}
    name = f"memory grows by less than 1 MiB in {lasting:,} invocations"
    report.check(told["growth"] < MOST_GROWTH, name, f"{told['growth']:,} bytes")


def _given(place: Surroundings, function: str, count: int) -> dict[str, Any]:
    return {"events": [place.event(function) for _ in range(count)]}


def _bare(service: str, operation: str, asked: Any) -> list[Any]:
    """Return a call as botocore alone makes it; repeated, no condition would hold."""
    if service == "plivo":
        return [service, operation, asked]
    kept = {name: value for name, value in asked.items() if name not in CONDITIONS}
    values = kept.get("ExpressionAttributeValues", {})
    if "ConditionExpression" in asked and values and "UpdateExpression" not in kept:
        del kept["ExpressionAttributeValues"]
    return [service, WORD.sub("_", operation).lower(), kept]


def _run(handler: Handler, way: str, given: dict[str, Any]) -> Any:
    """Run a process in one way; return what it prints. Raises ProofError."""
    script = Path(__file__).with_name("warm_child.py")
    credentials = f"{account.AUTH_ID}:{account.AUTH_TOKEN}"
    done = subprocess.run(
        [
            *(str(artifact.python()), "-I", "-S", "-B", str(script), way),
            *map(str, handler.folders),
        ],
        env={**handler.environment, "BENCH_CREDENTIALS": credentials},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd="/",
    )
    if done.returncode:
        raise ProofError(f"{way} ended: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
