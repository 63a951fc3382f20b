"""Keep the requests meant for an app: any to `/_sim/inbox/{name}` is answered 204."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import views
from .control_requests import simulator_of
from .store import Received

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KEPT = 5000
_MAX_BODY = 1 << 20


async def receive(request: Request) -> Response:
    """Keep the request and publish it."""
    simulator = simulator_of(request)
    inbox = simulator.store.inbox
    body = (await request.body())[:_MAX_BODY]
    received = Received(
        number=inbox[-1].number + 1 if inbox else 1,
        at=simulator.clock.now(),
        name=request.path_params["name"],
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers=dict(request.headers),
        body=body.decode(errors="replace"),
    )
    inbox.append(received)
    del inbox[:-_KEPT]
    simulator.broadcast.tell("inbox", lambda: views.received_view(received))
    return Response(status_code=204)


async def list_inbox(request: Request) -> Response:
    """Show the kept requests, oldest first, or only those to `?name=`."""
    wanted = request.query_params.get("name")
    shown = [
        views.received_view(received)
        for received in simulator_of(request).store.inbox
        if wanted in (None, received.name)
    ]
    return JSONResponse({"requests": shown})
