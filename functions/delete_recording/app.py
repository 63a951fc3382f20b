"""DELETE /v1/recordings/{recording_uuid}: delete a recording, here and at Plivo."""

from __future__ import annotations

from masking import wiring
from masking.api import recording_views
from masking.api.gateway import Request, Response, route


@route(scope="recordings:write")
def lambda_handler(request: Request) -> Response:
    """Delete all versions of the file and Plivo's own; again changes nothing."""
    gone = wiring.services().delete_recording.delete(
        request.recording_uuid, tenant_id=request.tenant_id
    )
    return Response(200, recording_views.deletion_view(gone))
