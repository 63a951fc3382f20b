"""List the callbacks of a session, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.api import pages
from masking.api.pages import PageRequest
from masking.api.timeline_views import event_view
from masking.core.key_space import name_of
from masking.core.problems import SessionNotFoundError
from masking.domain import sessions
from masking.domain.callback_event import CallbackEvent

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class ListEvents:
    """Lists callbacks."""

    stores: Stores
    now: Clock

    def page(
        self, session_uuid: str, asked: PageRequest, *, tenant_id: str
    ) -> dict[str, Any]:
        """Return a page of a session's callbacks as JSON values, numbers masked.

        Raises SessionNotFoundError, and InvalidRequestError for a foreign cursor.
        """
        after = pages.time_in(asked.after)
        found = self.stores.histories.events(session_uuid, after, asked.limit + 1)
        now = self.now()
        if found is None or not sessions.is_shown_to(tenant_id, found.session, now):
            raise SessionNotFoundError
        parties = sessions.parties_of(found.session)
        kept = {name_of(item): item for item in found.items}
        page = pages.page_of(found.history, asked, _place_of)
        shown = [
            event_view(event, kept[event.digest], found.timeline, parties)
            for event in page.shown
        ]
        return pages.page_view(shown, limit=asked.limit, cursor=page.cursor)


def _place_of(event: CallbackEvent) -> list[object]:
    at, sequence, place, digest = event.order
    return [at.isoformat(), sequence, place, digest]
