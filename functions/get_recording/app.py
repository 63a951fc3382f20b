"""GET /v1/recordings/{recording_uuid}: a link to a recording that lives five minutes.

Answers 302, or 200 with the link in JSON where the Accept header names JSON.
"""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, recording_views
from masking.recording import get_recording


@gateway.route(scope="recordings:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Lead to the file; 409 while it is on its way, 410 once it is deleted."""
    services = wiring.services()
    access = get_recording.GetRecording(
        services.table, services.bucket, services.bus, services.now
    )
    link = access.link(
        request.recording_uuid,
        tenant_id=request.tenant_id,
        request_id=request.request_id,
    )
    if request.wants_json:
        return gateway.Response(200, recording_views.link_view(link))
    return gateway.Response(302, headers={"location": link.url})
