"""List the errors that reach HTTP."""

from __future__ import annotations

from masking.core import problems
from masking.plivo.errors import CarrierError


def problem_types() -> dict[str, type[problems.ProblemError]]:
    """Return the errors that reach HTTP, by their code."""
    found: dict[str, type[problems.ProblemError]] = {}
    waiting: list[type[problems.ProblemError]] = [problems.ProblemError, CarrierError]
    while waiting:
        each = waiting.pop(0)
        waiting += each.__subclasses__()
        # A group's class, which is never raised, has its parent's code.
        found.setdefault(each.code, each)
    return found
