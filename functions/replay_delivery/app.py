"""POST /v1/webhooks/deliveries/{id}/replay: send an event once more."""

from __future__ import annotations

import uuid

from masking import wiring
from masking.api import gateway
from masking.api.delivery_views import delivery_view
from masking.webhooks import replay_delivery


@gateway.route(scope="sessions:write")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Put the event into the queue again, under the same id, for another day."""
    services = wiring.services()
    delivery = replay_delivery.replay(
        request.parameters.get("id", ""),
        tenant_id=request.tenant_id,
        table=services.table,
        queue=services.webhook_queue,
        now=services.now(),
    )
    body = {"api_id": str(uuid.uuid4()), "delivery": delivery_view(delivery)}
    return gateway.Response(202, body)
