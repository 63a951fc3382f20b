"""GET /v1/sessions/{session_uuid}/recordings: list the recordings of a session."""

from __future__ import annotations

from masking import wiring
from masking.api import recording_views
from masking.api.gateway import Request, Response, route


@route(scope="recordings:read")
def lambda_handler(request: Request) -> Response:
    """Answer with the recordings of a session, the oldest first."""
    services = wiring.services()
    found = services.list_recordings.of_session(
        request.session_uuid, tenant_id=request.tenant_id
    )
    return Response(200, recording_views.list_view(found, services.now()))
