"""POST /v1/sessions: create a masked session."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, json_bodies, requests, session_views
from masking.lifecycle import create_session


@gateway.route(scope="sessions:write", undone=create_session.NOT_CREATED)
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Create the session, or answer with the one that this key created before."""
    services = wiring.services()
    flow = create_session.CreateSession(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
        services.tenant_settings_of,
    )
    created = flow.create(
        requests.parse_create(json_bodies.read_object(request.body)),
        tenant_id=request.tenant_id,
        idempotency_key=request.idempotency_key,
        base_url=create_session.base_url_of(
            services.settings.public_base_url, request.domain
        ),
    )
    status, headers = create_session.as_answer(created)
    body = session_views.envelope("Session created", created.session, services.now())
    return gateway.Response(status, body, headers)
