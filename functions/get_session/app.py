"""GET /v1/sessions/{session_uuid}: read a session."""

from __future__ import annotations

import uuid

from masking import views, web, wiring
from masking.errors import SessionNotFoundError


@web.route(scope="sessions:read")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with the session, in the envelope of Plivo's get."""
    services = wiring.services()
    session = services.table.load(request.session_uuid)
    if session is None or session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    body = {
        "api_id": str(uuid.uuid4()),
        "session": views.session_view(session, services.now()),
    }
    return web.Response(200, body, {"etag": f'"{session.version}"'})
