"""Measure each operation at several sizes of the table, and compare with its budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.report import Report
from proofs.runner import Progress
from proofs.units.budget import BUDGETS, MOST_FOR_LONG_URLS, Budget
from proofs.units.operations import Cost, Operations
from stack.running import RunningStack

SIZES = (200, 2_000, 20_000)
LONG_URL = 1_000

WITHIN_BUDGET = "an operation is within its budget"
SAME_AT_ANY_SIZE = "an operation costs the same however many sessions there are"
LONG_URLS = "long URLs cost a create little and nothing later"

# Operations that long URLs may not make dearer.
UNAFFECTED = ("update", "callback", "expire now", "expire by the sweep")

Costs = Mapping[str, Cost]


def prove(
    stack: RunningStack, progress: Progress, sizes: Sequence[int] = SIZES
) -> Report:
    """Measure at each size and with long URLs, and compare."""
    measured = []
    for size in sizes:
        operations = Operations(stack)
        operations.fill(size)
        measured.append(operations.measure())
        progress(f"measured with {size:,} sessions")
    long = Operations(stack, LONG_URL).measure()
    report = compare(measured, long)
    columns = {
        f"{size:,} sessions": costs for size, costs in zip(sizes, measured, strict=True)
    }
    columns[f"URLs of {LONG_URL:,}"] = long
    for operation, budget in BUDGETS.items():
        row = report.row("write | read, path + stream", operation)
        row |= {name: _shown(costs[operation]) for name, costs in columns.items()}
        row["budget"] = _limits(budget)
    return report


def compare(measured: Sequence[Costs], long: Costs) -> Report:
    """Check the costs in tables of growing size, and with long URLs."""
    report = Report("units")
    few = measured[0]
    for operation, budget in BUDGETS.items():
        cost = few[operation]
        case = f"{operation}: {_shown(cost)}"
        report.check(is_within(budget, cost), WITHIN_BUDGET, case)
        others = [costs[operation] for costs in measured[1:]]
        case = f"{case}, but {', '.join(map(_shown, others))}"
        same = all(other == cost for other in others)
        report.check(same, SAME_AT_ANY_SIZE, case)
    most = few["create"].path.write + MOST_FOR_LONG_URLS
    case = f"create: {_shown(long['create'])}"
    report.check(long["create"].path.write <= most, LONG_URLS, case)
    for operation in UNAFFECTED:
        usual, cost = few[operation], long[operation]
        path, after, before = cost.path, cost.stream, usual.stream
        same = (
            path == usual.path
            and (after.write, after.requests) == (before.write, before.requests)
            # The stream reads the session whole: at most 4 KB more for each request.
            and after.read <= before.read + after.requests
        )
        report.check(same, LONG_URLS, f"{operation}: {_shown(cost)}")
    return report


def is_within(budget: Budget, cost: Cost) -> bool:
    """Return whether a cost is within a budget."""
    return (
        (budget.write is None or cost.path.write <= budget.write)
        and cost.stream.write <= budget.stream_write
        and (budget.read is None or cost.path.read <= budget.read)
    )


def _shown(cost: Cost) -> str:
    path, stream = cost.path, cost.stream
    return f"{path.write:g} + {stream.write:g} | {path.read:g} + {stream.read:g}"


def _limits(budget: Budget) -> str:
    write = "any" if budget.write is None else f"{budget.write:g}"
    read = "any" if budget.read is None else f"{budget.read:g}"
    return f"{write} + {budget.stream_write:g} | {read}"
