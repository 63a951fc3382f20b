"""DELETE /v1/sessions/{session_uuid}: end a session now."""

from __future__ import annotations

from masking import wiring
from masking.api import session_views
from masking.api.gateway import Request, Response, route
from masking.core import telemetry
from masking.core.problems import NOT_EXPIRED

wiring.prepare("masking.lifecycle.expire_session", "masking.plivo.client")


@route(scope="sessions:write", undone=NOT_EXPIRED)
def lambda_handler(request: Request) -> Response:
    """End the session at Plivo and in the table; ending it again changes nothing."""
    services = wiring.services()
    session = services.expire_session.end(
        request.session_uuid, tenant_id=request.tenant_id, if_match=request.if_match
    )
    telemetry.note(carrier_session_uuid=session.carrier_session_uuid)
    body = session_views.envelope("Session expired", session, services.now())
    return Response(200, body, {"etag": session_views.etag(session)})
