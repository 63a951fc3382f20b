"""POST /v1/erasures: forget a person by the phone number."""

from __future__ import annotations

from masking import wiring
from masking.api import erasure_views, gateway, json_bodies, requests
from masking.erasure import create_erasure


@gateway.route(scope="admin")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Begin an erasure; while one of that number runs, answer with that one."""
    services = wiring.services()
    asked = requests.parse_erasure(json_bodies.read_object(request.body))
    erasure = create_erasure.begin(
        asked.phone_number,
        tenant_id=request.tenant_id,
        table=services.erasure_table,
        number_key=services.number_key,
        now=services.now(),
    )
    location = f"/v1/erasures/{erasure.erasure_id}"
    return gateway.Response(
        202, erasure_views.envelope(erasure), {"location": location}
    )
