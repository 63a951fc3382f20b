"""GET /v1/erasures/{erasure_id}: how an erasure stands; its proof once it is done."""

from __future__ import annotations

from masking import erasures, web, wiring
from masking.errors import ErasureNotFoundError


@web.route(scope="admin")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with the erasure, which holds no number."""
    erasure_id = request.parameters.get("erasure_id", "")
    if not web.UUID.fullmatch(erasure_id):
        raise ErasureNotFoundError
    erasure = wiring.services().erasure_table.erasure(erasure_id)
    if erasure is None or erasure.tenant_id != request.tenant_id:
        raise ErasureNotFoundError
    return web.Response(200, erasures.envelope(erasure))
