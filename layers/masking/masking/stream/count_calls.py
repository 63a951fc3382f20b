"""Count the calls of a long session as they become old, in checkpoints.

So whoever reads the session needs none of the callbacks before them. That is tried for
some callbacks; as many checkpoints are made as the callbacks since the last
one give, so that a session whose checkpoints are missing gets them back.

A callback that comes late may belong to a call that was counted. The calls around it
are counted anew then, and what was counted after them moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.core.times import parse_stamp
from masking.domain.checkpoints import (
    BEGINNING,
    LATE_AFTER,
    NEAR,
    SETTLED_AFTER,
    Checkpoint,
)
from masking.domain.cut_history import began_before, checkpoints_in
from masking.domain.sessions import parties_of
from masking.storage.checkpoints import MOMENT

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.domain.callback_event import CallbackEvent
    from masking.domain.sessions import Session
    from masking.storage.stores import Stores

# What the hash of such a callback begins with, which is one in sixteen.
CHOSEN = "0"


@dataclass(frozen=True)
class CountCalls:
    """Counts calls; *now* says how old they are."""

    stores: Stores
    now: Clock

    def after_callback(self, callback: CallbackEvent, session: Session) -> None:
        """Count what a callback of a long session changes. Twice does no harm."""
        if callback.told_at and _is_late(callback):
            self._count_again(callback, session)
        elif callback.digest.startswith(CHOSEN):
            self._count_on(session)

    def _count_on(self, session: Session) -> None:
        """Make the checkpoints that the callbacks since the last one give."""
        session_uuid = session.session_uuid
        last = self.stores.checkpoints.before(session_uuid)
        read = self.stores.histories.timeline_after(session, last)
        if read is None:
            return
        timeline, end = read
        old = self.now() - SETTLED_AFTER
        until = min(old, end) if end else old
        purge_at = self.stores.sessions.purge_at(session)
        for each in checkpoints_in(timeline, parties_of(session), last, until):
            self.stores.checkpoints.put_new(session_uuid, each, purge_at)

    def _count_again(self, callback: CallbackEvent, session: Session) -> None:
        """Count the calls around a callback that came late, and move what follows.

        That nothing is missing is not claimed any more.
        """
        session_uuid = session.session_uuid
        store, at = self.stores.checkpoints, callback.at
        purge_at = self.stores.sessions.purge_at(session)
        start = store.before(session_uuid, at + MOMENT)
        if start != BEGINNING and (at - start.at < NEAR or callback.recording):
            store.replace(session_uuid, replace(start, is_gone=True), purge_at)
            start = store.before(session_uuid, start.at)
        following = store.after(session_uuid, at)
        if following and following[0].at - at < NEAR:
            gone = replace(following.pop(0), is_gone=True)
            store.replace(session_uuid, gone, purge_at)
        calls = start.calls
        for place, was in enumerate(following):
            after = was if place else self._counted_again(session, start, was)
            calls += after.since_last
            after = replace(after, calls=calls, is_whole=False)
            if after != was:
                store.replace(session_uuid, after, purge_at)

    def _counted_again(
        self, session: Session, start: Checkpoint, following: Checkpoint
    ) -> Checkpoint:
        """Return a checkpoint with the calls since *start*, if they can be counted."""
        until = following.at
        timeline = self.stores.histories.timeline_until(session, start, until)
        if timeline is None:
            return following
        calls = began_before(timeline.calls, timeline.history, until)
        return replace(following, since_last=len(calls))


def _is_late(callback: CallbackEvent) -> bool:
    """Return whether a callback may be older than a checkpoint that was there."""
    received = parse_stamp(callback.received_at) if callback.received_at else None
    return received is not None and received - callback.at > LATE_AFTER
