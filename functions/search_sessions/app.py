"""POST /v1/sessions/search: find sessions, also by number, newest first."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, json_bodies, search_requests, session_views
from masking.lifecycle import search_sessions


@gateway.route(scope="sessions:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with a page of the tenant's sessions."""
    services = wiring.services()
    asked = search_requests.parse_search(json_bodies.read_object(request.body))
    now = services.now()
    page = search_sessions.find(
        asked,
        tenant_id=request.tenant_id,
        table=services.table,
        number_key=services.number_key,
        now=now,
    )
    return gateway.Response(200, session_views.page_view(page, asked.limit, now))
