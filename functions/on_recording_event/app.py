"""POST or GET /v1/plivo/.../recordings: news of a recording."""

from __future__ import annotations

from masking import wiring
from masking.api.gateway import Request, Response, route

wiring.prepare("masking.callbacks.on_recording_event", "masking.plivo.signature")


@route(scope=None)
def lambda_handler(request: Request) -> Response:
    """Keep the callback; a repeated one is answered alike and changes nothing."""
    wiring.services().on_recording_event.receive(request)
    return Response(200, {})
