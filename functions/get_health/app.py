"""GET /v1/health: whether the API answers, and which version does."""

from __future__ import annotations

from masking import wiring
from masking.api.gateway import Request, Response, route


@route(scope=None)
def lambda_handler(_request: Request) -> Response:
    """Answer with the version and nothing else, whoever asks."""
    health = wiring.services().get_health()
    return Response(200, {"version": health.version})
