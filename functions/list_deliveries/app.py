"""GET /v1/webhooks/deliveries?session_uuid=: how the events of a session were sent."""

from __future__ import annotations

import uuid

from masking import wiring
from masking.api import gateway, pages
from masking.api.delivery_views import delivery_view
from masking.core.problems import InvalidRequestError, SessionNotFoundError
from masking.domain.deliveries import Delivery
from masking.storage.deliveries import delivery_from


@gateway.route(scope="sessions:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with a page of deliveries, the oldest first."""
    services = wiring.services()
    asked, named = pages.page_request_in(request.query, "session_uuid")
    session_uuid = named.get("session_uuid", "")
    if not gateway.UUID.fullmatch(session_uuid):
        rule = "must be the UUID of a session"
        violation = {"field": "session_uuid", "rule": rule, "sent": None}
        raise InvalidRequestError(violations=[violation])
    session = services.table.load_state(session_uuid)
    if session is None or session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    found = map(delivery_from, services.table.deliveries(session_uuid))
    page = pages.page_of(sorted(found, key=_place_of), asked, _place_of)
    body = {
        "api_id": str(uuid.uuid4()),
        "meta": {"limit": asked.limit, "next": page.cursor},
        "objects": [delivery_view(delivery) for delivery in page.shown],
    }
    return gateway.Response(200, body)


def _place_of(delivery: Delivery) -> list[str]:
    return [delivery.first_at.isoformat(), delivery.event_id]
