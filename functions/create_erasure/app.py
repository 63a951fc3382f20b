"""POST /v1/erasures: erase a person by the phone number."""

from __future__ import annotations

from masking import wiring
from masking.api import erasure_views, requests
from masking.api.gateway import Request, Response, route
from masking.api.requests import read_object


@route(scope="admin")
def lambda_handler(request: Request) -> Response:
    """Begin an erasure; while one of that number runs, answer with that one."""
    asked = requests.parse_erasure(read_object(request.body))
    erasure = wiring.services().create_erasure.begin(
        asked.phone_number,
        tenant_id=request.tenant_id,
        callback_url=asked.callback_url,
        callback_method=asked.callback_method,
    )
    location = f"/v1/erasures/{erasure.erasure_id}"
    return Response(202, erasure_views.envelope(erasure), {"location": location})
