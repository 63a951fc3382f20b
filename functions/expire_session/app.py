"""DELETE /v1/sessions/{session_uuid}: end a session now."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, session_views
from masking.lifecycle import expire_session


@gateway.route(scope="sessions:write", undone=expire_session.NOT_EXPIRED)
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """End the session at Plivo and in the table; ending it again changes nothing."""
    services = wiring.services()
    flow = expire_session.ExpireSession(services.table, services.carrier, services.now)
    session = flow.end(
        request.session_uuid, tenant_id=request.tenant_id, if_match=request.if_match
    )
    body = session_views.envelope("Session expired", session, services.now())
    return gateway.Response(200, body, {"etag": f'"{session.version}"'})
