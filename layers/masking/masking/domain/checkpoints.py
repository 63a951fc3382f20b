"""Checkpoints in the history of a long session, between which calls can be told.

A checkpoint is a time at which no call was going on, with how many calls had been
before it. From one to the next the calls can be told by themselves. One is made where
calls lie far apart, and long after the last callback of them should have come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from masking.domain.callback_event import EARLIEST

# So many callbacks lie between two checkpoints at least, and if it can be at most.
LEAST = 64
USUAL = 128

# So old is what a checkpoint counts. Plivo sends a callback once more at most, at once.
SETTLED_AFTER = timedelta(minutes=10)

# What comes later than this may be older than a checkpoint, whoever's clock is right.
LATE_AFTER = SETTLED_AFTER - timedelta(minutes=1)

# So long a call may go on of which no end was told (plivo-contract 1.2).
LONGEST_CALL = timedelta(hours=24)

# So near to a checkpoint what comes late may belong to a call on its other side.
NEAR = timedelta(minutes=2)


@dataclass(frozen=True)
class Checkpoint:
    """A time between two calls.

    *calls* began before it, *since_last* of them after the checkpoint before. With
    *is_whole* nothing was missing until then; *number* is the last SequenceNumber, None
    if they begin anew with each call. With *is_gone* it is none any more, because
    something came late too near to it.
    """

    at: datetime
    calls: int = 0
    since_last: int = 0
    is_whole: bool = False
    number: int | None = None
    is_gone: bool = False


# The beginning of each session is one that need not be kept.
BEGINNING = Checkpoint(EARLIEST, is_whole=True, number=0)
