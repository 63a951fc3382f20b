"""Read requests to the control API, and turn their errors into answers."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .engine import NoSuchCallError
from .parameters import BadParameterError
from .simulator import Simulator

Endpoint = Callable[[Request], Awaitable[Response]]


class ControlError(Exception):
    """A request to the control API is refused, with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def guarded(endpoint: Endpoint) -> Endpoint:
    """Answer the errors that *handler* raises as JSON."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ControlError as problem:
            return JSONResponse({"error": str(problem)}, problem.status)
        except (ValueError, BadParameterError) as problem:
            return JSONResponse({"error": str(problem)}, 400)
        except NoSuchCallError:
            return JSONResponse({"error": "no such call, or it is over"}, 404)

    return answer


def simulator_of(request: Request) -> Simulator:
    """Return the simulator that serves *request*."""
    simulator: Simulator = request.app.state.simulator
    return simulator


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, {} for none. Raise ControlError."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:
        raise ControlError(400, "the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise ControlError(400, "the body must be a JSON object")
    return body


def digits_of(body: Mapping[str, Any], name: str) -> str:
    """Return the phone number in *body* as digits. Raise ControlError."""
    digits = str(body.get(name, "")).removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise ControlError(400, f"`{name}` must be a phone number in E.164")
    return digits


def number_of(body: Mapping[str, Any], name: str) -> float:
    """Return the number in *body*. Raise ControlError."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(400, f"`{name}` must be a number")
    return float(value)
