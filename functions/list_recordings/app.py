"""GET /v1/sessions/{session_uuid}/recordings: list the recordings of a session."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, recording_views
from masking.core.problems import SessionNotFoundError


@gateway.route(scope="recordings:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with what is kept; recordings may outlive their session's item."""
    services = wiring.services()
    found = services.table.recordings(request.session_uuid)
    owners = {recording.tenant_id for recording in found}
    if not found:
        session = services.table.load_state(request.session_uuid)
        owners = {session.tenant_id} if session else set()
    if owners != {request.tenant_id}:
        raise SessionNotFoundError
    return gateway.Response(200, recording_views.list_view(found, services.now()))
