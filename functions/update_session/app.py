"""PATCH /v1/sessions/{session_uuid}: change a session."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, json_bodies, requests, session_views
from masking.lifecycle import update_session


@gateway.route(scope="sessions:write", undone=update_session.NOT_UPDATED)
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Change the session at Plivo and in the table, and answer with it."""
    services = wiring.services()
    flow = update_session.UpdateSession(services.table, services.carrier, services.now)
    session = flow.update(
        request.session_uuid,
        requests.parse_update(json_bodies.read_object(request.body)),
        tenant_id=request.tenant_id,
        if_match=request.if_match,
    )
    body = session_views.envelope("Session updated", session, services.now())
    return gateway.Response(200, body, {"etag": f'"{session.version}"'})
