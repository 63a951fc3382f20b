"""List a tenant's sessions by what a query string may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.api import search_requests
from masking.api.session_pages import sessions_view
from masking.core.problems import NumberInUrlError

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.search_sessions import SearchSessions


@dataclass(frozen=True)
class ListSessions:
    """Lists sessions; they are found as a search finds them."""

    search: SearchSessions
    now: Clock

    def page(self, query: str, *, tenant_id: str) -> dict[str, Any]:
        """Return the page that *query* asks for, newest first, as JSON values.

        Raises InvalidRequestError, and NumberInUrlError for a phone number.
        """
        asked = search_requests.parse_query(query)
        for text in (*asked.labels.keys(), *asked.labels.values()):
            if self.search.is_party(text, tenant_id=tenant_id):
                raise NumberInUrlError
        page = self.search.find(asked, tenant_id=tenant_id)
        return sessions_view(page, asked.limit, self.now())
