"""`make units`: print what each operation costs, beside its budget."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from proofs.units.bench import Bench, Cost
from proofs.units.budget import BUDGETS
from stack.addresses import free_addresses
from stack.stack import Stack

SIZES = (2_000, 20_000)
LONG_URL = 1_000


def main() -> int:
    """Measure at both sizes and with long URLs; return 1 if a budget is exceeded."""
    with (
        tempfile.TemporaryDirectory(prefix="maskline-units-") as folder,
        Stack(free_addresses(), Path(folder)) as stack,
    ):
        columns = {}
        for size in SIZES:
            bench = Bench(stack.running)
            bench.fill(size)
            columns[f"{size} sessions"] = bench.measure()
        columns[f"URLs of {LONG_URL}"] = Bench(stack.running, LONG_URL).measure()
    show(columns)
    first, second = (columns[f"{size} sessions"] for size in SIZES)
    broken = [name for name, cost in first.items() if not within(name, cost)]
    if first != second:
        broken.append(f"equal at {SIZES[0]} and {SIZES[1]} sessions")
    for name in broken:
        print(f"over budget: {name}")
    return 1 if broken else 0


def within(name: str, cost: Cost) -> bool:
    """Say whether an operation is within its budget."""
    budget = BUDGETS[name]
    return (
        (budget.write is None or cost.path.write <= budget.write)
        and cost.stream.write <= budget.stream_write
        and (budget.read is None or cost.path.read <= budget.read)
    )


def show(columns: Mapping[str, Mapping[str, Cost]]) -> None:
    """Print a table: write units of path + stream, read units of path + stream."""
    names = list(columns)
    width = 30
    print("units: write, path + stream; read, path + stream; () is the budget")
    print("".join(["operation".ljust(24), *(name.ljust(width) for name in names)]))
    for operation, budget in BUDGETS.items():
        cells = []
        for name in names:
            cost = columns[name][operation]
            path, stream = cost.path, cost.stream
            write = f"{path.write:g} + {stream.write:g}"
            cells.append(f"w {write}; r {path.read:g} + {stream.read:g}".ljust(width))
        limits = [
            f"{word} {limit:g}"
            for word, limit in (("write", budget.write), ("read", budget.read))
            if limit is not None
        ]
        stream_limit = f", stream {budget.stream_write:g}"
        print(f"{operation:24}{''.join(cells)}({', '.join(limits)}{stream_limit})")


if __name__ == "__main__":
    sys.exit(main())
