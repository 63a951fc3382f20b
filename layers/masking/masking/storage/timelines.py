"""Build the timeline of a session from its items."""

from __future__ import annotations

from collections.abc import Iterable

from masking.core.key_space import Item, attributes_of, name_of
from masking.core.times import parse_stamp
from masking.domain import timeline
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.checkpoints import BEGINNING, Checkpoint
from masking.domain.sessions import Session, parties_of
from masking.domain.timeline import Snapshot, Timeline

# What settlement notes where Plivo has no record of the session.
NO_RECORD = "carrier_session"


def timeline_of(
    callbacks: Iterable[Item],
    session: Session,
    *,
    is_cut: bool = False,
    since: Checkpoint = BEGINNING,
) -> Timeline:
    """Build a session's timeline from its callbacks' items and its last snapshot.

    *session* comes with the calls of its newest snapshot, if there is one; they are
    final once the session is settled, also while a late callback has Plivo asked again.
    With *is_cut* the session has callbacks that are not among these. They are all that
    came after the checkpoint *since*.
    """
    events = map(callback_event_from, callbacks)
    said = Snapshot(
        EARLIEST,
        interactions=session.calls,
        final=is_final(session),
        reopened=session.settle_at is not None,
    )
    return timeline.build_timeline(
        events, parties_of(session), snapshots=[said], is_cut=is_cut, since=since
    )


def is_final(session: Session) -> bool:
    """Return whether the session's snapshot is Plivo's last word on its calls."""
    return session.settled is not None and NO_RECORD not in session.settled.changed


def callback_event_from(item: Item) -> CallbackEvent:
    """Build the callback event of a callback's item, as far as that can be read."""
    received = str(item.get("received_at") or "")
    try:
        parse_stamp(received)
    except ValueError:
        received = ""
    return CallbackEvent(name_of(item), attributes_of(item), received)
