"""PATCH /v1/sessions/{session_uuid}: change a session."""

from __future__ import annotations

from masking import contract, update, views, web, wiring


@web.route(scope="sessions:write", undone=update.NOT_UPDATED)
def lambda_handler(request: web.Request) -> web.Response:
    """Change the session at Plivo and in the table, and answer with it."""
    services = wiring.services()
    flow = update.UpdateFlow(services.table, services.carrier, services.now)
    session = flow.update(
        request.session_uuid,
        contract.parse_update(contract.read_object(request.body)),
        tenant_id=request.tenant_id,
        if_match=request.if_match,
    )
    body = views.envelope("Session updated", session, services.now())
    return web.Response(200, body, {"etag": f'"{session.version}"'})
