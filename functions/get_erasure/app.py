"""GET /v1/erasures/{erasure_id}: how an erasure stands; its proof once it is done."""

from __future__ import annotations

from masking import wiring
from masking.api import erasure_views
from masking.api.gateway import Request, Response, route


@route(scope="admin")
def lambda_handler(request: Request) -> Response:
    """Answer with the erasure, which holds no number."""
    erasure = wiring.services().get_erasure.get(
        request.parameters.get("erasure_id", ""), tenant_id=request.tenant_id
    )
    return Response(200, erasure_views.envelope(erasure))
