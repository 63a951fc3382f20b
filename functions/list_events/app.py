"""GET /v1/sessions/{session_uuid}/events: what Plivo told of a session, in order."""

from __future__ import annotations

from masking import wiring
from masking.api import pages
from masking.api.gateway import Request, Response, route


@route(scope="sessions:read")
def lambda_handler(request: Request) -> Response:
    """Answer with a page of the history, the oldest first, numbers masked."""
    asked, _ = pages.page_request_in(request.query)
    body = wiring.services().list_events.page(
        request.session_uuid, asked, tenant_id=request.tenant_id
    )
    return Response(200, body)
