"""Build the simulator's web application: Plivo's API, the media, the control API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import responses
from .account_routes import account_routes
from .clock import Clock
from .control_routes import control_routes
from .masking_routes import masking_routes
from .number_routes import number_routes
from .simulator import Simulator


def create_app(origin: str, *, clock: Clock | None = None, seed: int = 0) -> Starlette:
    """Return the application; its simulator is `app.state.simulator`.

    *origin* is where it will be reached (`http://127.0.0.1:8001`): it stands in
    resource and media URLs. Background work starts and ends with the lifespan.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        simulator: Simulator = app.state.simulator
        await simulator.start()
        try:
            yield
        finally:
            await simulator.close()

    app = Starlette(
        routes=[
            *masking_routes(),
            *account_routes(),
            *number_routes(),
            *control_routes(),
        ],
        lifespan=lifespan,
        exception_handlers={404: _no_route, 405: _no_method, 500: _our_fault},
    )
    app.router.redirect_slashes = False
    app.state.simulator = Simulator(origin, clock or Clock())
    app.state.simulator.faults.reset(seed)
    return app


async def _no_route(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("not found"), 404)


async def _no_method(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("method not allowed"), 405)


async def _our_fault(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("the simulator failed; see its log"), 500)
