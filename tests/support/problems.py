"""List the errors that reach HTTP."""

from __future__ import annotations

from masking import errors
from masking.carrier_errors import CarrierError


def problems() -> dict[str, type[errors.ProblemError]]:
    """Return the errors that reach HTTP, by their code."""
    found: dict[str, type[errors.ProblemError]] = {}
    waiting: list[type[errors.ProblemError]] = [errors.ProblemError, CarrierError]
    while waiting:
        each = waiting.pop(0)
        waiting += each.__subclasses__()
        # A group's class, which is never raised, has its parent's code.
        found.setdefault(each.code, each)
    return found
