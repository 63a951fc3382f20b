"""One step of the demo: what was seen, how to read it, and what had to be so."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


class UnexpectedError(Exception):
    """Something did not come in time or came wrong; the message says what."""


@dataclass(frozen=True)
class Check:
    """What was expected of a step, and what was."""

    what: str
    expected: Any
    actual: Any

    @property
    def holds(self) -> bool:
        """Return whether it was as expected."""
        return bool(self.expected == self.actual)


@dataclass
class Step:
    """One step, *at* seconds after the start of the demo.

    *facts* is JSON for programs; *lines* are names and values for people.
    """

    name: str
    title: str
    at: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Return whether all of it was as expected."""
        return all(check.holds for check in self.checks)

    def expect(self, what: str, expected: Any, actual: Any) -> None:
        """Note a check."""
        self.checks.append(Check(what, expected, actual))

    def document(self) -> dict[str, Any]:
        """Return the step as JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "at_seconds": round(self.at, 3),
            "as_expected": self.holds,
            "facts": self.facts,
            "checks": [asdict(check) | {"holds": check.holds} for check in self.checks],
        }
