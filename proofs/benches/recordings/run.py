"""Measure memory, CPU and requests of storing a recording in several ways.

| way            | what                                                              |
|----------------|-------------------------------------------------------------------|
| ours           | stream, check, SHA-256, one put with a checksum                   |
| ours, in parts | the same where the origin gives no length                         |
| whole          | requests.content, then put_object                                 |
| pipe           | read from one connection, write into the other, nothing else      |
"""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proofs.report import Report
from proofs.runner import ProofError
from stack.environments import AWS, ROOT, TOOLS, interpreter

MEBIBYTE = 1 << 20
SIZES = (1, 25, 250)
WAYS = ("ours", "ours, in parts", "whole", "pipe")

# Of several runs, the one with the least CPU was disturbed least.
RUNS = 3

# What must hold: bytes above what the imports took, and CPU beside the raw pipe.
MOST_MEMORY = {"ours": 8 * MEBIBYTE, "ours, in parts": 20 * MEBIBYTE}
MOST_CPU = 2.8

CERTIFY = (
    "import datetime, pathlib, sys\n"
    "from stack.aws.certificates import make_certificates\n"
    "make_certificates(pathlib.Path(sys.argv[1]), datetime.datetime.now(datetime.UTC))"
)


@dataclass(frozen=True)
class Measure:
    """What one way took: bytes above the imports, CPU seconds, requests to S3."""

    way: str
    mebibytes: int
    memory: int
    cpu: float
    requests: int


@dataclass(frozen=True)
class Ends:
    """Where the two ends are."""

    origin: str
    sink: str
    authority: Path


def run(sizes: tuple[int, ...] = SIZES, runs: int = RUNS) -> Report:
    """Measure every way with files of every size, and compare with the bounds."""
    with tempfile.TemporaryDirectory() as folder, running_ends(Path(folder)) as ends:
        found = [measure(way, size, ends, runs) for size in sizes for way in WAYS]
    return compare(found)


def compare(found: list[Measure]) -> Report:
    """Check each measure against its bounds."""
    report = Report("bench recordings")
    largest = max(each.mebibytes for each in found)
    for each in found:
        case, times = f"{each.way} of {each.mebibytes} MiB", ratio(each, found)
        row = report.row("storing a recording", case)
        row |= {
            "memory": f"{each.memory / MEBIBYTE:.1f} MiB",
            "CPU": f"{each.cpu:.2f} s",
            "x pipe": f"{times:.2f}",
            "requests": each.requests,
        }
        most = MOST_MEMORY.get(each.way, each.memory)
        within = each.memory <= most
        memory = f"{each.memory / MEBIBYTE:.1f} MiB of memory"
        report.check(within, "memory stays within its bound", f"{case} took {memory}")
        if each.way == "ours":
            took = f"{case} took {each.requests} requests"
            report.check(each.requests == 1, "a recording is one request", took)
        if each.way == "ours" and each.mebibytes == largest:
            took = f"{case} took {times:.2f} x the pipe's CPU"
            report.check(times <= MOST_CPU, "CPU stays within its bound", took)
    return report


def ratio(measure: Measure, found: list[Measure]) -> float:
    """Return the CPU of a way divided by the pipe's for the same file."""
    [raw] = [
        each
        for each in found
        if each.way == "pipe" and each.mebibytes == measure.mebibytes
    ]
    return measure.cpu / raw.cpu


def measure(way: str, mebibytes: int, ends: Ends, runs: int) -> Measure:
    """Move a file in one way, each time in a process of its own."""
    taken = []
    for _ in range(runs):
        _requests(ends)
        output = subprocess.run(
            [
                *(str(interpreter(TOOLS)), "-m", "proofs.benches.recordings.middle"),
                *(way, ends.origin, ends.sink, str(ends.authority)),
                str(mebibytes * MEBIBYTE),
            ],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            timeout=600,
        ).stdout
        requests, size = _requests(ends)
        if size < mebibytes * MEBIBYTE:
            raise ProofError(f"{way} brought {size} bytes only")
        taken.append((json.loads(output), requests))
    least = min(taken, key=lambda each: each[0]["cpu"])
    memory = max(each[0]["peak"] - each[0]["base"] for each in taken)
    return Measure(way, mebibytes, memory, least[0]["cpu"], least[1])


@contextmanager
def running_ends(folder: Path) -> Iterator[Ends]:
    """Run origin and sink while the block runs."""
    certify = [str(interpreter(AWS)), "-c", CERTIFY, str(folder)]
    subprocess.run(certify, cwd=ROOT, check=True, timeout=60)
    process = subprocess.Popen(
        [
            *(str(interpreter(TOOLS)), "-m", "proofs.benches.recordings.ends"),
            *(str(folder / "server.pem"), str(folder / "server.key")),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout  # noqa: S101 - it is a pipe
        origin, sink = process.stdout.readline().split()
        yield Ends(
            f"http://127.0.0.1:{origin}",
            f"https://127.0.0.1:{sink}",
            folder / "ca.pem",
        )
    finally:
        process.kill()
        process.communicate()


def _requests(ends: Ends) -> tuple[int, int]:
    """Return how many requests and bytes the sink took since the last time."""
    context = ssl.create_default_context(cafile=ends.authority)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(f"{ends.sink}/requests", timeout=10) as answer:
        requests, size = answer.read().decode().split()
    return int(requests), int(size)
