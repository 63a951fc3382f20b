"""What a step in a recording's life sets off: its event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core import key_space, times
from masking.core.key_space import Item
from masking.domain.bus_events import Event
from masking.stream import item_events

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.queues import Queue
    from masking.stream.session_reads import SessionReads


@dataclass(frozen=True)
class RecordingChanged:
    """Reacts to recordings."""

    reads: SessionReads
    erasure_queue: Queue
    now: Clock

    def events_of(self, before: Item, after: Item) -> list[Event]:
        """Return the event that a step is, if it is one."""
        session = self.reads.session(key_space.owner_of(after))
        going = after["status"] in ("deleting", "deleted") or "held" in after
        if session and session.erased_at and not going:
            # Announced by somebody who did not know of the erasure.
            message = {"session_uuid": session.session_uuid}
            self.erasure_queue.send(message, at_once=True)
            return []
        event = item_events.event_of_recording(
            after, times.stamp(self.now()), before, session
        )
        return [event] if event else []
