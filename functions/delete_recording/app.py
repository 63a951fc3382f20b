"""DELETE /v1/recordings/{recording_uuid}: delete a recording, here and at Plivo."""

from __future__ import annotations

from masking import discard, recording_views, web, wiring


@web.route(scope="recordings:write")
def lambda_handler(request: web.Request) -> web.Response:
    """Delete all versions of the file and Plivo's own; again changes nothing."""
    services = wiring.services()
    flow = discard.Discard(
        services.table, services.bucket, services.delete_at_carrier, services.now
    )
    gone = flow.discard(request.recording_uuid, tenant_id=request.tenant_id)
    return web.Response(200, recording_views.deletion_view(gone))
