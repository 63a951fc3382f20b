"""`make chaos [N=2000]`: prove exactly-once under faults on a stack of its own."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from proofs.chaos.course import LEAST_FIRED, Chaos
from proofs.chaos.verdict import Verdict
from stack.addresses import free_addresses
from stack.stack import Stack

SHOWN = 5


def main(arguments: list[str]) -> int:
    """Run; return 0 only if every rule held."""
    parser = argparse.ArgumentParser(prog="python -m proofs.chaos", description=__doc__)
    parser.add_argument("--creates", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least-fired", type=int, default=LEAST_FIRED)
    parser.add_argument(
        "--without-listing",
        action="store_true",
        help="put the step that finds lost creates out of action: this must fail",
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {line}", flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="maskline-chaos-") as folder,
        Stack(free_addresses(), Path(folder), report=report) as stack,
    ):
        verdict = Chaos(
            stack.running,
            stack.aws_pid,
            options.creates,
            options.workers,
            options.seed,
            options.without_listing,
            options.least_fired,
            report=report,
        ).run()
    report("judged")
    show(verdict)
    return 0 if verdict.holds else 1


def show(verdict: Verdict) -> None:
    """Print the counts and every rule that was broken, with some of who broke it."""
    for name, value in verdict.counts.items():
        print(f"  {name}: {json.dumps(value)}")
    for rule, who in verdict.broken.items():
        print(f"  BROKEN {rule}: {len(who)}; {'; '.join(who[:SHOWN])}")
    print("  every rule held" if verdict.holds else "  FAILED")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
