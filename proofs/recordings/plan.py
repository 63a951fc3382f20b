"""Plan which calls are made and what happens to the recording of each.

Calls are made in waves of 20, each in a session of its own, so that a fault can be
aimed at one call by its session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proofs.faults import FILE_FAULTS, NOT_RECORDED, WEBHOOK_FAULTS

FINE = "fine"

KINDS = (*FILE_FAULTS, *WEBHOOK_FAULTS, NOT_RECORDED)
WAVE = 20


@dataclass(frozen=True)
class Plan:
    """How many calls of which kind, from the number of calls in all."""

    calls: int

    @property
    def large(self) -> int:
        """Return how many calls have a file of 250 MiB."""
        return max(1, self.calls // 30)

    @property
    def lost(self) -> int:
        """Return how many calls have every one of their webhooks dropped."""
        return max(WAVE, self.calls // 6 // WAVE * WAVE + WAVE)

    def waves(self) -> Iterator[tuple[bool, list[str]]]:
        """Yield the waves: whether every webhook is dropped, and the faults.

        Those without webhooks come first: their sessions settle while the others run.
        """
        faults = list(FILE_FAULTS)
        for _ in range(self.lost // WAVE):
            yield True, [*faults, *[FINE] * (WAVE - len(faults))]
        left = self.calls - self.lost - self.large
        while left > 0:
            kinds = [*KINDS, *[FINE] * (WAVE - len(KINDS))]
            yield False, kinds[: min(left, WAVE)]
            left -= WAVE
