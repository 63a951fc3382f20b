"""``python -m proofs.chaos_recordings 300``: see whether any recording is lost.

Starts a stack of its own. What is quick here and slow in AWS is a parameter of the
template: recordings that never come are given up after seconds instead of two hours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from proofs.chaos_recordings.calls import ChaosError
from proofs.chaos_recordings.run import PARAMETERS, run
from stack.addresses import free_addresses
from stack.running import StackError
from stack.stack import Stack


def main(arguments: list[str]) -> int:
    """Run it; return 1 if a recording was lost, doubled or silent."""
    parser = argparse.ArgumentParser(prog="python -m proofs.chaos_recordings")
    parser.add_argument("calls", type=int, nargs="?", default=300)
    parser.add_argument(
        "--ahead",
        action="store_true",
        help="ask Plivo for what is missing by a clock that runs ahead, and don't wait",
    )
    parser.add_argument("--mebibytes", type=int, default=250)
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        try:
            with Stack(
                free_addresses(), Path(folder), parameters=PARAMETERS, report=say
            ) as stack:
                verdict, fired = run(
                    stack.running,
                    options.calls,
                    mebibytes=options.mebibytes,
                    ahead=options.ahead,
                    say=say,
                )
        except (ChaosError, StackError) as error:
            print(error, file=sys.stderr)
            return 1
    print("\nfaults drawn")
    for name, times in fired.items():
        print(f"  {times:5d}  {name}")
    print("\nrecordings")
    for what, count in verdict.counts.items():
        print(f"  {count:5d}  {what}")
    for sentence in verdict.wrong:
        print(f"  WRONG  {sentence}")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
