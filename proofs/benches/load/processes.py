"""Read what processor time the parts of a stack on this machine have taken."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")

# Numbers of fields of /proc/<pid>/stat, after the command's name.
PARENT, OWN, OF_CHILDREN = 1, (11, 12), (13, 14)


@dataclass(frozen=True)
class Usage:
    """Processor seconds of the parts, and how many processes functions have."""

    emulator: float
    functions: float
    simulator: float
    generator: float
    processes: int

    def since(self, before: Usage) -> dict[str, float]:
        """Return the seconds of each part since *before*."""
        return {
            "emulator": self.emulator - before.emulator,
            "functions": self.functions - before.functions,
            "simulator": self.simulator - before.simulator,
            "generator": self.generator - before.generator,
        }


def usage(emulator: int) -> Usage:
    """Return what was taken until now, by the stack whose emulator has that id.

    Functions are the emulator's children and theirs; the simulator is its sibling.
    """
    stats = _stats()
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, fields in stats.items():
        children[int(fields[PARENT])].append(pid)
    functions, found = [], list(children[emulator])
    while found:
        functions.append(found.pop())
        found += children[functions[-1]]
    own = os.getpid()
    siblings = [pid for pid in children[own] if pid != emulator]
    return Usage(
        emulator=_seconds(stats, emulator, OWN),
        functions=_seconds(stats, emulator, OF_CHILDREN)
        + sum(_seconds(stats, pid, (*OWN, *OF_CHILDREN)) for pid in functions),
        simulator=sum(_seconds(stats, pid, OWN) for pid in siblings),
        generator=_seconds(stats, own, OWN),
        processes=len(functions),
    )


def _seconds(
    stats: Mapping[int, list[str]], pid: int, places: tuple[int, ...]
) -> float:
    fields = stats.get(pid)
    return sum(int(fields[place]) for place in places) * TICK if fields else 0.0


def _stats() -> dict[int, list[str]]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        found[int(path.parent.name)] = text.rpartition(")")[2].split()
    return found
