"""POST /v1/sessions: create a masked session."""

from __future__ import annotations

from masking import wiring
from masking.api import requests, session_views
from masking.api.gateway import Request, Response, route
from masking.api.requests import read_object
from masking.core import telemetry
from masking.core.problems import NOT_CREATED

wiring.prepare("masking.lifecycle.create_session", "masking.plivo.client")


@route(scope="sessions:write", undone=NOT_CREATED)
def lambda_handler(request: Request) -> Response:
    """Create the session, or answer with the one that this key created before."""
    services = wiring.services()
    created = services.create_session.create(
        requests.parse_create(read_object(request.body)),
        tenant_id=request.tenant_id,
        idempotency_key=request.idempotency_key,
        domain=request.domain,
    )
    session = created.session
    telemetry.note(
        carrier_session_uuid=session.carrier_session_uuid, replayed=created.replayed
    )
    body = session_views.created(session, services.now())
    headers = session_views.created_headers(session, replayed=created.replayed)
    return Response(200 if created.replayed else 201, body, headers)
