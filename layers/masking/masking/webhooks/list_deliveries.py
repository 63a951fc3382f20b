"""List the deliveries of a session's events to its app, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.api import pages
from masking.api.delivery_views import delivery_view
from masking.api.gateway import UUID
from masking.core.problems import InvalidRequestError, SessionNotFoundError
from masking.domain import sessions
from masking.domain.deliveries import Delivery
from masking.storage.deliveries import delivery_from

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class ListDeliveries:
    """Lists deliveries."""

    stores: Stores
    now: Clock

    def page(self, query: str, *, tenant_id: str) -> dict[str, Any]:
        """Return the page that *query* asks for as JSON values.

        Raises InvalidRequestError, and SessionNotFoundError.
        """
        asked, named = pages.page_request_in(query, "session_uuid")
        session_uuid = named.get("session_uuid", "")
        if not UUID.fullmatch(session_uuid):
            rule = "must be the UUID of a session"
            violation = pages.violation_of("session_uuid", rule)
            raise InvalidRequestError(violations=[violation])
        session = self.stores.sessions.load_state(session_uuid)
        now = self.now()
        if session is None or not sessions.is_shown_to(tenant_id, session, now):
            raise SessionNotFoundError
        found = map(delivery_from, self.stores.deliveries.of_session(session_uuid))
        page = pages.page_of(sorted(found, key=_place_of), asked, _place_of)
        shown = [delivery_view(delivery) for delivery in page.shown]
        return pages.page_view(shown, limit=asked.limit, cursor=page.cursor)


def _place_of(delivery: Delivery) -> list[str]:
    return [delivery.first_at.isoformat(), delivery.event_id]
