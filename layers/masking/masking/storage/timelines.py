"""Build the timeline of a session from its items."""

from __future__ import annotations

from collections.abc import Iterable

from masking.core.key_space import Item
from masking.domain import timeline
from masking.domain.callback_event import EARLIEST
from masking.domain.sessions import Session, parties_of
from masking.domain.timeline import Snapshot, Timeline
from masking.storage.callbacks import callback_event_from


def timeline_of(callbacks: Iterable[Item], session: Session) -> Timeline:
    """Build a session's timeline from its callbacks' items and its last snapshot.

    *session* comes with the calls of its newest snapshot, if there is one; they are
    final while the session is settled.
    """
    events = map(callback_event_from, callbacks)
    is_final = session.settled is not None and session.settle_at is None
    said = Snapshot(EARLIEST, interactions=session.calls, final=is_final)
    return timeline.build_timeline(events, parties_of(session), snapshots=[said])
