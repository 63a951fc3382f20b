"""``python -m proofs.bench_recordings``: memory, CPU and requests of storing.

| way            | what                                                              |
|----------------|-------------------------------------------------------------------|
| ours           | stream, check, SHA-256, one put with a checksum                   |
| ours, in parts | the same where the origin gives no length                         |
| whole          | requests.content, then put_object                                 |
| pipe           | read from one connection, write into the other, nothing else      |
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.environments import AWS, ROOT, TOOLS, interpreter

MEBIBYTE = 1 << 20
SIZES = (1, 25, 250)
WAYS = ("ours", "ours, in parts", "whole", "pipe")

# Of several runs the one that used the least CPU is the one that was disturbed least.
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


def main(sizes: tuple[int, ...] = SIZES, runs: int = RUNS) -> int:
    """Measure, print and judge; return 1 if something is over its bound."""
    with tempfile.TemporaryDirectory() as folder, running_ends(Path(folder)) as ends:
        found = [measure(way, size, ends, runs) for size in sizes for way in WAYS]
    print(f"{'MiB':>4}  {'way':14}  {'memory':>9}  {'CPU':>8}  {'x pipe':>6}  requests")
    for each in found:
        print(
            f"{each.mebibytes:4}  {each.way:14}  {each.memory / MEBIBYTE:5.1f} MiB  "
            f"{each.cpu:6.2f} s  {ratio(each, found):6.2f}  {each.requests:8}"
        )
    wrong = judge(found)
    for sentence in wrong:
        print(f"OVER  {sentence}")
    return 1 if wrong else 0


def judge(found: list[Measure]) -> list[str]:
    """Say what is over its bound."""
    wrong = []
    largest = max(each.mebibytes for each in found)
    for each in found:
        what = f"{each.way} of {each.mebibytes} MiB"
        most = MOST_MEMORY.get(each.way)
        if most is not None and each.memory > most:
            wrong.append(f"{what} took {each.memory / MEBIBYTE:.1f} MiB of memory")
        if each.way == "ours" and each.requests != 1:
            wrong.append(f"{what} took {each.requests} requests")
        if each.way == "ours" and each.mebibytes == largest:
            times = ratio(each, found)
            if times > MOST_CPU:
                wrong.append(f"{what} took {times:.2f} x the pipe's CPU")
    return wrong


def ratio(measure: Measure, found: list[Measure]) -> float:
    """Give the CPU of a way beside that of the raw pipe for the same file."""
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
                *(str(interpreter(TOOLS)), "-m", "proofs.bench_recordings.middle"),
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
            raise RuntimeError(f"{way} brought {size} bytes only")
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
            *(str(interpreter(TOOLS)), "-m", "proofs.bench_recordings.ends"),
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
    """Give how many requests and bytes the sink took since the last time."""
    import ssl

    context = ssl.create_default_context(cafile=ends.authority)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(f"{ends.sink}/requests", timeout=10) as answer:
        requests, size = answer.read().decode().split()
    return int(requests), int(size)


if __name__ == "__main__":
    sys.exit(main())
