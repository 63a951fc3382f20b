"""POST /v1/sessions/search: find sessions, also by number, newest first."""

from __future__ import annotations

from masking import wiring
from masking.api import search_requests, session_pages
from masking.api.gateway import Request, Response, route
from masking.api.requests import read_object


@route(scope="sessions:read")
def lambda_handler(request: Request) -> Response:
    """Answer with a page of the tenant's sessions."""
    services = wiring.services()
    asked = search_requests.parse_search(read_object(request.body))
    page = services.search_sessions.find(asked, tenant_id=request.tenant_id)
    return Response(200, session_pages.sessions_view(page, asked.limit, services.now()))
