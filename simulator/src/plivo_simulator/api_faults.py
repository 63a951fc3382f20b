"""Apply faults to answers of the masking API, before or after the commit."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from . import responses
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
