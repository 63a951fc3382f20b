"""Histories that broke a rule once: by their seed, their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

HISTORIES: Mapping[int, tuple[int, ...]] = {
    1: (
        *(84, 287, 691, 835, 2537, 5477, 7394, 12040, 14653, 21953, 24681, 28744),
        *(31560, 35870, 43233, 53211, 54231, 59509, 64134, 70295, 78221, 84527, 86141),
        *(2750, 9451, 9815),
        *(20503, 42651, 45455, 73431, 84525, 93050, 93349, 95585, 95734, 96408),
    ),
    2: (2131, 12988, 24749, 46898, 60025, 66246, 67671),
    3: (27099, 29551),
    4: (12593, 83460, 85518),
    5: (15862,),
}


def all_known() -> Iterator[tuple[int, int]]:
    """Yield seed and number of each."""
    for seed, numbers in HISTORIES.items():
        for number in numbers:
            yield seed, number
