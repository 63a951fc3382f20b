"""Apply faults to answers of the API, before or after the commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from . import responses
from .api_requests import body_of, simulator_of
from .broken_connections import BrokenResponse, half_response, hold
from .faults import Armed
from .simulator import Simulator

_REFUSALS = {
    "401": (401, "authentication failed"),
    "403": (403, "the feature is not enabled for this account"),
    "429": (429, "too many requests"),
    "429_retry_after": (429, "too many requests"),
    "pool_exhausted": (400, "number pool exhausted or not available"),
}


def refusal_of(status: int, text: str) -> JSONResponse:
    """Return an error in Plivo's shape."""
    return JSONResponse(responses.error(text), status)


async def fault_before_commit(fault: Armed, request: Request) -> Response | None:
    """Return the answer of a fault that prevents the commit, else None."""
    effect = fault.fault.effect
    if effect in _REFUSALS:
        refusal = refusal_of(*_REFUSALS[effect])
        if effect == "429_retry_after":
            refusal.headers["retry-after"] = f"{fault.parameters['seconds']:.0f}"
        return refusal
    if effect in ("5xx", "5xx_before_commit"):
        return refusal_of(int(fault.parameters["status"]), "internal error")
    if effect in ("timeout", "timeout_before_commit"):
        await _hold(request, fault)
        return BrokenResponse(reset=False)
    return BrokenResponse() if effect == "reset_before_commit" else None


async def fault_after_commit(
    fault: Armed, request: Request, response: JSONResponse
) -> Response:
    """Return the answer after the commit, as the fault changes it."""
    effect = fault.fault.effect
    if effect == "5xx_after_commit":
        return refusal_of(int(fault.parameters["status"]), "internal error")
    if effect == "timeout_after_commit":
        await _hold(request, fault)
        return BrokenResponse(reset=False)
    if effect in ("reset", "reset_after_commit"):
        return half_response(response)
    if effect == "non_json":
        return HTMLResponse("<!doctype html><title>Gateway</title><p>OK")
    if effect == "slow":
        await _hold(request, fault)
    return response


async def _hold(request: Request, fault: Armed) -> None:
    simulator: Simulator = request.app.state.simulator
    await hold(request, fault.parameters["seconds"], simulator.stopping)


async def with_faults(
    request: Request,
    point: str,
    act: Callable[[Request, Armed | None], Awaitable[Response]],
) -> Response:
    """Answer with *act*, as the fault that hits *point* has it."""
    simulator = simulator_of(request)
    if simulator.is_over_rate(request.path_params["auth_id"]):
        return refusal_of(429, "too many requests")
    facts = {k: str(v) for k, v in request.query_params.items()}
    if request.method == "POST":
        facts = {k: str(v) for k, v in (await body_of(request)).items()}
    facts |= {k: str(v) for k, v in request.path_params.items()}
    fault = simulator.faults.draw(point, facts)
    if fault and (answer := await fault_before_commit(fault, request)):
        return answer
    response = await act(request, fault)
    if fault and isinstance(response, JSONResponse):
        return await fault_after_commit(fault, request, response)
    return response
