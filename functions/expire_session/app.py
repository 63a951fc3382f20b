"""DELETE /v1/sessions/{session_uuid}: end a session now."""

from __future__ import annotations

from masking import end, views, web, wiring


@web.route(scope="sessions:write", undone=end.NOT_EXPIRED)
def lambda_handler(request: web.Request) -> web.Response:
    """End the session at Plivo and in the table; ending it again changes nothing."""
    services = wiring.services()
    flow = end.EndFlow(services.table, services.carrier, services.now)
    session = flow.end(
        request.session_uuid, tenant_id=request.tenant_id, if_match=request.if_match
    )
    body = views.envelope("Session expired", session, services.now())
    return web.Response(200, body, {"etag": f'"{session.version}"'})
