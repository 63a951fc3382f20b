"""What a new or a completed erasure sets off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core import key_space
from masking.core.key_space import Item
from masking.domain.bus_events import Event
from masking.stream import item_events

if TYPE_CHECKING:
    from masking.storage.queues import Queue


@dataclass(frozen=True)
class ErasureChanged:
    """Reacts to erasures."""

    erasure_queue: Queue

    def events_of(self, before: Item, after: Item) -> list[Event]:
        """Start an erasure that is new; return the event of one that is complete."""
        if not before:
            self.erasure_queue.send({"erasure_id": key_space.owner_of(after)})
        event = item_events.event_of_erasure(before, after)
        return [event] if event else []
