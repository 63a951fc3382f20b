"""DELETE /v1/recordings/{recording_uuid}: delete a recording, here and at Plivo."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway, recording_views
from masking.recording import delete_recording


@gateway.route(scope="recordings:write")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Delete all versions of the file and Plivo's own; again changes nothing."""
    services = wiring.services()
    flow = delete_recording.DeleteRecording(
        services.table, services.bucket, services.delete_at_carrier, services.now
    )
    gone = flow.discard(request.recording_uuid, tenant_id=request.tenant_id)
    return gateway.Response(200, recording_views.deletion_view(gone))
