"""POST /v1/erasures: forget a person by the phone number."""

from __future__ import annotations

from masking import contract, erase_request, erasures, web, wiring


@web.route(scope="admin")
def lambda_handler(request: web.Request) -> web.Response:
    """Begin an erasure; while one of that number runs, answer with that one."""
    services = wiring.services()
    asked = contract.parse_erasure(contract.read_object(request.body))
    erasure = erase_request.begin(
        asked.phone_number,
        tenant_id=request.tenant_id,
        table=services.erasure_table,
        number_key=services.number_key,
        now=services.now(),
    )
    location = f"/v1/erasures/{erasure.erasure_id}"
    return web.Response(202, erasures.envelope(erasure), {"location": location})
