"""POST /v1/webhooks/deliveries/{id}/replay: send an event once more."""

from __future__ import annotations

import uuid

from masking import replay, web, wiring
from masking.delivery_items import delivery_view


@web.route(scope="sessions:write")
def lambda_handler(request: web.Request) -> web.Response:
    """Put the event into the queue again, under the same id, for another day."""
    services = wiring.services()
    delivery = replay.replay(
        request.parameters.get("id", ""),
        tenant_id=request.tenant_id,
        table=services.table,
        queue=services.webhook_queue,
        now=services.now(),
    )
    body = {"api_id": str(uuid.uuid4()), "delivery": delivery_view(delivery)}
    return web.Response(202, body)
