"""GET /v1/sessions/{session_uuid}: read a session."""

from __future__ import annotations

from masking import wiring
from masking.api import pages, session_views, timeline_views
from masking.api.gateway import Request, Response, route

wiring.prepare("masking.lifecycle.get_session")


@route(scope="sessions:read")
def lambda_handler(request: Request) -> Response:
    """Answer with the session, in the envelope of Plivo's get."""
    services = wiring.services()
    found = services.get_session.get(
        request.session_uuid,
        tenant_id=request.tenant_id,
        until=pages.time_in(pages.cursor_in(request.query)),
    )
    body = timeline_views.session_with_calls(found, services.now())
    return Response(200, body, {"etag": session_views.etag(found.session)})
