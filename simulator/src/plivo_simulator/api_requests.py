"""Read requests to Plivo's API: who serves them, and their JSON body."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from .parameters import BadParameterError
from .simulator import Simulator


def simulator_of(request: Request) -> Simulator:
    """Return the simulator that serves *request*."""
    simulator: Simulator = request.app.state.simulator
    return simulator


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, {} for none. Raise BadParameterError."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise BadParameterError("the request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise BadParameterError("the request body is not an object")
    return body
