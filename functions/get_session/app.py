"""GET /v1/sessions/{session_uuid}: read a session."""

from __future__ import annotations

import uuid

from masking import story, views, web, wiring
from masking.errors import SessionNotFoundError


@web.route(scope="sessions:read")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with the session, in the envelope of Plivo's get."""
    services = wiring.services()
    whole = services.table.load_whole(request.session_uuid)
    if whole is None or whole.session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    session = whole.session
    told = story.story_of(whole.callbacks, session)
    calls = [story.call_view(call) for call in told.calls]
    body = {
        "api_id": str(uuid.uuid4()),
        "session": {**views.session_view(session, services.now()), "calls": calls},
    }
    return web.Response(200, body, {"etag": f'"{session.version}"'})
