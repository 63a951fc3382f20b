"""GET /v1/sessions: list sessions, newest first; filters by number are refused."""

from __future__ import annotations

from masking import wiring
from masking.api.gateway import Request, Response, route


@route(scope="sessions:read")
def lambda_handler(request: Request) -> Response:
    """Answer with a page of the tenant's sessions."""
    list_sessions = wiring.services().list_sessions
    body = list_sessions.page(request.query, tenant_id=request.tenant_id)
    return Response(200, body)
