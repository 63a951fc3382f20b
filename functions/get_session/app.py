"""GET /v1/sessions/{session_uuid}: read a session."""

from __future__ import annotations

import uuid

from masking import wiring
from masking.api import gateway, session_views, timeline_views
from masking.core.problems import SessionNotFoundError
from masking.storage import timelines


@gateway.route(scope="sessions:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with the session, in the envelope of Plivo's get."""
    services = wiring.services()
    whole = services.table.load_whole(request.session_uuid)
    if whole is None or whole.session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    session = whole.session
    told = timelines.timeline_of(whole.callbacks, session)
    calls = [timeline_views.call_view(call) for call in told.calls]
    body = {
        "api_id": str(uuid.uuid4()),
        "session": {
            **session_views.session_view(session, services.now()),
            "calls": calls,
        },
    }
    return gateway.Response(200, body, {"etag": f'"{session.version}"'})
