"""Inject faults on demand: arm, draw and count them.

Armed faults fire by `rate` (0..1), a number of `times`, or both, and only where
`match` fits the facts of the operation. At most one fault hits an operation, and
faults armed with equal rates are hit equally often: the rates share one draw.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fault_catalogue import FAULTS, Fault


@dataclass(slots=True)
class Armed:
    """An armed fault: its rate, remaining times, facts to match and parameters."""

    fault: Fault
    rate: float
    times: int | None
    match: dict[str, str]
    parameters: dict[str, float]

    def fits(self, point: str, facts: Mapping[str, str]) -> bool:
        """Return whether the fault may hit an operation with these facts."""
        return bool(
            self.fault.point == point
            and self.times != 0
            and (not self.fault.needs or facts.get(self.fault.needs))
            and all(_plain(facts.get(k, "")) == v for k, v in self.match.items())
        )


class Faults:
    """Arm, draw and count faults."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - draws, not secrets
        self._armed: dict[str, Armed] = {}
        self.fired: Counter[str] = Counter()

    def arm(self, chosen: Mapping[str, Any]) -> None:
        """Replace the armed faults. Raise ValueError naming an invalid one."""
        self._armed = {
            name: _armed(name, spec)
            for name, spec in chosen.items()
            if spec is not None
        }

    def rearm(self, chosen: Mapping[str, Any]) -> None:
        """Arm the named faults, or disarm those with None; leave the others."""
        changed = {n: _armed(n, s) for n, s in chosen.items() if s is not None}
        kept = {n: a for n, a in self._armed.items() if n not in chosen}
        self._armed = {**kept, **changed}

    def draw(self, point: str, facts: Mapping[str, str]) -> Armed | None:
        """Return the fault that hits this operation, if any, and count it."""
        fitting = [a for a in self._armed.values() if a.fits(point, facts)]
        if not fitting:
            return None
        draw = self._random.random()
        for armed in sorted(fitting, key=lambda a: a.rate < 1):
            if draw < armed.rate or armed.rate >= 1:
                self._count(armed)
                return armed
            draw -= armed.rate
        return None

    def reset(self, seed: int = 0) -> None:
        """Disarm all, clear the counts, restart the random draws from *seed*."""
        self._armed.clear()
        self.fired.clear()
        self._random.seed(seed)

    def report(self) -> list[dict[str, Any]]:
        """Return every fault with its description, arming and count."""
        return [
            {
                "name": fault.name,
                "point": fault.point,
                "description": fault.description.format(**fault.parameters),
                "parameters": dict(fault.parameters),
                "armed": _shown(self._armed.get(fault.name)),
                "fired": self.fired[fault.name],
            }
            for fault in FAULTS.values()
        ]

    def _count(self, armed: Armed) -> None:
        self.fired[armed.fault.name] += 1
        if armed.times is not None:
            armed.times -= 1


def _armed(name: str, spec: Any) -> Armed:
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"no fault {name!r}; GET /_sim/faults lists them")
    if not isinstance(spec, Mapping):
        raise ValueError(f'{name} must be an object such as {{"times": 1}}')
    parameters = {k: v for k, v in spec.items() if k not in ("rate", "times", "match")}
    if unknown := sorted(set(parameters) - set(fault.parameters)):
        raise ValueError(f"{name} has no parameter {', '.join(unknown)}")
    rate, times, match = spec.get("rate", 1), spec.get("times"), spec.get("match", {})
    if not _is_number(rate) or not 0 <= rate <= 1:
        raise ValueError(f"{name}.rate must be between 0 and 1")
    if times is not None and (type(times) is not int or times < 0):
        raise ValueError(f"{name}.times must be a whole number")
    if not isinstance(match, Mapping):
        raise ValueError(f"{name}.match must be an object")
    if wrong := [k for k, v in parameters.items() if not _is_number(v) or v < 0]:
        raise ValueError(f"{name}.{wrong[0]} must be a number, 0 or more")
    return Armed(
        fault,
        float(rate),
        times,
        {str(k): _plain(str(v)) for k, v in match.items()},
        {**fault.parameters, **parameters},
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: str) -> str:
    return value.removeprefix("+")


def _shown(armed: Armed | None) -> dict[str, Any] | None:
    if armed is None:
        return None
    return {
        "rate": armed.rate,
        "times": armed.times,
        "match": armed.match,
        **armed.parameters,
    }
