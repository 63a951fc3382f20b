"""List the deliveries of a session's or an erasure's events, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.api import pages
from masking.api.delivery_views import delivery_view
from masking.api.gateway import UUID
from masking.core.problems import (
    ErasureNotFoundError,
    InvalidRequestError,
    SessionNotFoundError,
)
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

        Raises InvalidRequestError, SessionNotFoundError, and ErasureNotFoundError also
        for an erasure of which nothing was sent.
        """
        asked, named = pages.page_request_in(query, "session_uuid", "erasure_id")
        (name, owner), *more = named.items() or [("session_uuid", "")]
        if more or not UUID.fullmatch(owner):
            rule = "must be the UUID of a session, or erasure_id that of an erasure"
            violation = pages.violation_of("session_uuid", rule)
            raise InvalidRequestError(violations=[violation])
        if name == "session_uuid":
            session = self.stores.sessions.load_state(owner)
            now = self.now()
            if session is None or not sessions.is_shown_to(tenant_id, session, now):
                raise SessionNotFoundError
        found = list(map(delivery_from, self.stores.deliveries.of_session(owner)))
        if name == "erasure_id":
            found = [
                each
                for each in found
                if each.is_of_erasure and each.tenant_id == tenant_id
            ]
            if not found:
                raise ErasureNotFoundError
        page = pages.page_of(sorted(found, key=_place_of), asked, _place_of)
        shown = [delivery_view(delivery) for delivery in page.shown]
        return pages.page_view(shown, limit=asked.limit, cursor=page.cursor)


def _place_of(delivery: Delivery) -> list[str]:
    return [delivery.first_at.isoformat(), delivery.event_id]
