"""Answer the part of the control API that is about callbacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import views
from .control_requests import simulator_of


async def list_callbacks(request: Request) -> Response:
    """Show callbacks, filtered by what they are about, event, channel or state."""
    simulator, query = simulator_of(request), request.query_params
    store = simulator.store
    about = ("message_uuid", "call_uuid", "session_uuid")
    key = next((query[name] for name in about if query.get(name)), None)
    found: Iterable[Any] = store.callbacks_of.get(key, []) if key else store.callbacks
    for name in (*about, "event", "channel", "state"):
        if name in query:
            found = [c for c in found if getattr(c, name) == query[name]]
    return JSONResponse({"callbacks": [views.callback_view(c) for c in found]})


async def release_callbacks(request: Request) -> Response:
    """Send the callbacks that a fault has held back."""
    simulator_of(request).courier.release()
    return JSONResponse({"status": "released"}, 202)
