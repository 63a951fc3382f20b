"""Which calls are made and what happens to the recording of each.

Calls are made in waves of 20, each in a session of its own, so that a fault can be
aimed at one call by its session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# What happens to a file, and with what parameters; seconds are short and real.
FILE_FAULTS: dict[str, dict[str, Any]] = {
    "recording_late": {"seconds": 6},
    "recording_never": {},
    "recording_truncated": {"requests": 2},
    "recording_empty": {},
    "recording_wrong_length": {"requests": 2},
    "recording_reset": {},
    "recording_changing": {},
    "recording_html": {"requests": 2},
    "recording_5xx": {"requests": 3},
    "recording_chunked": {},
    "recording_basic_auth": {},
    "recording_redirect": {"hops": 3},
    "recording_slow": {"seconds": 4},
}

WEBHOOK_FAULTS: dict[str, dict[str, Any]] = {
    "webhook_duplicated": {"copies": 2},
    "webhook_reordered": {"seconds": 2},
    "webhook_delayed": {"seconds": 3},
    "webhook_dropped": {},
}

UNMADE = "recording_fails_to_start"
LARGE = "recording_large"
FINE = "fine"
LOST = "every webhook dropped"

KINDS = (*FILE_FAULTS, *WEBHOOK_FAULTS, UNMADE)
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

        Those without webhooks come first, so that the time in which their sessions
        settle is not waited for.
        """
        faults = list(FILE_FAULTS)
        for _ in range(self.lost // WAVE):
            yield True, [*faults, *[FINE] * (WAVE - len(faults))]
        left = self.calls - self.lost - self.large
        while left > 0:
            kinds = [*KINDS, *[FINE] * (WAVE - len(KINDS))]
            yield False, kinds[: min(left, WAVE)]
            left -= WAVE


def aimed(kinds: dict[str, str], *, without_webhooks: bool) -> dict[str, Any]:
    """Return what to arm: *kinds* has the fault of each of Plivo's session UUIDs."""
    armed: dict[str, Any] = {}
    for session_uuid, kind in kinds.items():
        match = {"session_uuid": session_uuid}
        if kind in FILE_FAULTS:
            armed[kind] = {**FILE_FAULTS[kind], "match": match}
        elif kind in WEBHOOK_FAULTS:
            match["channel"] = "recording"
            armed[kind] = {**WEBHOOK_FAULTS[kind], "match": match}
        elif kind == UNMADE:
            armed[kind] = {"match": match}
    if without_webhooks:
        armed["webhook_dropped"] = {"rate": 1}
    return armed
