"""The end of a call where Plivo's vocabulary has no event for it.

Only the newest of Plivo's three vocabularies has SessionPartiesHangup. In the others
a call is over when its last leg ends; but in the newest that leg's event comes too,
a moment before. So it is looked at once more when that moment has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking import changes, items, story
from masking.calls import Call
from masking.fold import Story
from masking.history import PARTIES_HANGUP

if TYPE_CHECKING:
    from masking.bus import Bus
    from masking.table import Table


def may_end(digest: str, call: Call, told: Story) -> bool:
    """Say whether a callback is a call's last as far as is known, and not named so."""
    of_call = [each for each in told.history if each.digest in call.digests]
    if not call.is_over or any(each.name == PARTIES_HANGUP for each in of_call):
        return False
    ends = [each.digest for each in of_call if each.is_end_of_leg]
    return digest in ends


@dataclass(frozen=True)
class Endings:
    """What announcing the end of a call takes: the table, the bus."""

    table: Table
    bus: Bus

    def announce(self, session_uuid: str, digest: str) -> bool:
        """Publish `call.ended` if a callback was the last of a call; say whether.

        Of the ends of its legs the last in order speaks for the call.
        """
        whole = self.table.load_whole(session_uuid)
        if whole is None:
            return False
        told = story.story_of(whole.callbacks, whole.session)
        call = told.call_of(digest)
        if call is None or not may_end(digest, call, told):
            return False
        ends = [
            each.digest
            for each in told.history
            if each.digest in call.digests and each.is_end_of_leg
        ]
        if ends[-1] != digest:
            return False
        item = next(i for i in whole.callbacks if items.name_of(i) == digest)
        event = changes.event_of_callback(item, whole.session, call, "call.ended")
        if event:
            self.bus.put([event])
        return True
