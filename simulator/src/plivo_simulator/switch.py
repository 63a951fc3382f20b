"""Define what a switch is: an open question about Plivo and its possible answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switch:
    """One open question about Plivo and the answers that can be simulated."""

    values: tuple[str, ...]
    description: str
