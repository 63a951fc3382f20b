"""PATCH /v1/sessions/{session_uuid}: change a session."""

from __future__ import annotations

from masking import wiring
from masking.api import requests, session_views
from masking.api.gateway import Request, Response, route
from masking.api.requests import read_object
from masking.core import telemetry
from masking.core.problems import NOT_UPDATED

wiring.prepare("masking.lifecycle.update_session", "masking.plivo.client")


@route(scope="sessions:write", undone=NOT_UPDATED)
def lambda_handler(request: Request) -> Response:
    """Change the session at Plivo and in the table, and answer with it."""
    services = wiring.services()
    session = services.update_session.update(
        request.session_uuid,
        requests.parse_update(read_object(request.body)),
        tenant_id=request.tenant_id,
        if_match=request.if_match,
    )
    telemetry.note(carrier_session_uuid=session.carrier_session_uuid)
    body = session_views.envelope("Session updated", session, services.now())
    return Response(200, body, {"etag": session_views.etag(session)})
