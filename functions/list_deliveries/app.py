"""GET /v1/webhooks/deliveries?session_uuid=: how the events of a session were sent."""

from __future__ import annotations

from masking import wiring
from masking.api.gateway import Request, Response, route


@route(scope="sessions:read")
def lambda_handler(request: Request) -> Response:
    """Answer with a page of deliveries, the oldest first."""
    list_deliveries = wiring.services().list_deliveries
    body = list_deliveries.page(request.query, tenant_id=request.tenant_id)
    return Response(200, body)
