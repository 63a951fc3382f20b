"""POST /v1/webhooks/deliveries/{id}/replay: send an event once more."""

from __future__ import annotations

from masking import wiring
from masking.api import delivery_views
from masking.api.gateway import Request, Response, route


@route(scope="sessions:write")
def lambda_handler(request: Request) -> Response:
    """Put the event into the queue again, under the same id, for another day."""
    delivery = wiring.services().replay_delivery.replay(
        request.parameters.get("id", ""), tenant_id=request.tenant_id
    )
    return Response(202, delivery_views.envelope(delivery))
