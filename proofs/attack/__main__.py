"""`make attack`: thousands of bad requests against a fresh local stack."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from proofs.attack.course import LEAST, Attack
from stack.addresses import free_addresses
from stack.stack import Stack


def main(arguments: list[str]) -> int:
    """Run; return 0 only if all were refused and nothing leaked."""
    parser = argparse.ArgumentParser(
        prog="python -m proofs.attack", description=__doc__
    )
    parser.add_argument("--made-up", type=int, default=3_000)
    parser.add_argument("--least", type=int, default=LEAST)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {line}", flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="maskline-attack-") as folder,
        Stack(free_addresses(), Path(folder), report=report) as stack,
    ):
        verdict = Attack(
            stack.running,
            made_up=options.made_up,
            least=options.least,
            seed=options.seed,
            report=report,
        ).run()
    for line in verdict.table():
        print(line)
    for example in verdict.examples:
        print(f"  {example}")
    print("nobody got in" if verdict.holds else "FAILED")
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
