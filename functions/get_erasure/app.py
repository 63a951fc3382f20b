"""GET /v1/erasures/{erasure_id}: how an erasure stands; its proof once it is done."""

from __future__ import annotations

from masking import wiring
from masking.api import erasure_views, gateway
from masking.core.problems import ErasureNotFoundError


@gateway.route(scope="admin")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with the erasure, which holds no number."""
    erasure_id = request.parameters.get("erasure_id", "")
    if not gateway.UUID.fullmatch(erasure_id):
        raise ErasureNotFoundError
    erasure = wiring.services().erasure_table.erasure(erasure_id)
    if erasure is None or erasure.tenant_id != request.tenant_id:
        raise ErasureNotFoundError
    return gateway.Response(200, erasure_views.envelope(erasure))
