"""GET /v1/recordings/{recording_uuid}: a link to a recording that lives five minutes.

Answers 302, or 200 with the link in JSON where the Accept header names JSON.
"""

from __future__ import annotations

from masking import wiring
from masking.api import recording_views
from masking.api.gateway import Request, Response, route


@route(scope="recordings:read")
def lambda_handler(request: Request) -> Response:
    """Lead to the file; 409 while it is on its way, 410 once it is deleted."""
    link = wiring.services().get_recording.link(
        request.recording_uuid,
        tenant_id=request.tenant_id,
        request_id=request.request_id,
    )
    if request.wants_json:
        return Response(200, recording_views.link_view(link))
    return Response(302, headers={"location": link.url})
