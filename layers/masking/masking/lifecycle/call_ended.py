"""Publish the end of a call where Plivo's vocabulary has no event for it.

Only the newest of Plivo's three vocabularies has SessionPartiesHangup. In the others
a call is over when its last leg ends; but in the newest that leg's event comes too,
a moment before. So it is looked at once more when that moment has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.domain import bus_events
from masking.domain.plivo_events import Stage
from masking.domain.timeline import may_end_call
from masking.storage import timelines
from masking.storage.timelines import callback_event_from

if TYPE_CHECKING:
    from masking.callbacks.call_news import CallNews
    from masking.storage.bus import Bus
    from masking.storage.stores import Stores


# Where an event stands among those of its change that came late: after all others.
LATE = 50


@dataclass(frozen=True)
class CallEnded:
    """Publishes `call.ended`."""

    stores: Stores
    bus: Bus
    call_news: CallNews

    def announce(self, session_uuid: str, name: str, place: str | None = None) -> bool:
        """Publish `call.ended` if a callback was a call's last; return whether it was.

        Of the ends of its legs the last in order decides. *name* is the callback's in
        its key, *place* its place in the table's stream: the event comes after it in
        the session's order.
        """
        item = self.stores.callbacks.get(session_uuid, name)
        whole = self.stores.callback_windows.around(item) if item else None
        if item is None or whole is None:
            return False
        callback = callback_event_from(item)
        digest = callback.digest
        timeline = timelines.timeline_of(
            whole.callbacks, whole.session, is_cut=whole.is_cut
        )
        call = timeline.call_of(digest)
        if call is None or not may_end_call(digest, call, timeline):
            return False
        ends = [
            each.digest
            for each in timeline.history
            if each.digest in call.digests
            and each.is_of_call
            and each.stage >= Stage.ENDING
        ]
        if ends[-1] != digest:
            return False
        found = self.call_news.of_callback(
            callback, call, timeline, whole.session, is_last=True
        )
        if not found:
            return False
        self.bus.put(bus_events.numbered(found, place, first=LATE))
        return True
