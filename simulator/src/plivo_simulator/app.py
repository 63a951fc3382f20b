"""Build the simulator's web application: Plivo's API, the media, the control API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import responses
from .account_routes import account_routes
from .app_proxy import AppAddress
from .call_routes import call_routes
from .clock import Clock
from .control_routes import control_routes
from .kept_state import KeptState
from .masking_routes import masking_routes
from .messages.routes import message_routes
from .number_routes import number_routes
from .page_routes import page_routes
from .simulator import Simulator


def create_app(
    origin: str,
    *,
    clock: Clock | None = None,
    seed: int = 0,
    app_address: AppAddress | None = None,
    state: Path | None = None,
) -> Starlette:
    """Return the application; its simulator is `app.state.simulator`.

    *origin* is where it will be reached (`http://127.0.0.1:8001`): it stands in
    resource and media URLs. *app_address* is the API of an app under development that
    the page may speak to. *state* is a file to go on from and to keep up to date.
    Raise StateError if it can't be read.

    Background work starts and ends with the lifespan.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        simulator: Simulator = app.state.simulator
        kept: KeptState | None = app.state.kept
        await simulator.start()
        if kept:
            kept.start()
        try:
            yield
        finally:
            await simulator.close()
            if kept:
                await kept.stop()

    app = Starlette(
        routes=[
            *masking_routes(),
            *account_routes(),
            *call_routes(),
            *number_routes(),
            *message_routes(),
            *control_routes(),
            *page_routes(),
        ],
        lifespan=lifespan,
        middleware=[Middleware(OwnOriginOnly)],
        exception_handlers={404: _no_route, 405: _no_method, 500: _our_fault},
    )
    app.router.redirect_slashes = False
    app.state.simulator = Simulator(origin, clock or Clock())
    app.state.simulator.faults.reset(seed)
    app.state.app_address = app_address
    app.state.kept = KeptState(state, app.state.simulator) if state else None
    if app.state.kept:
        app.state.kept.load()
    return app


class OwnOriginOnly:
    """Refuse control requests that a page of another origin makes in the browser.

    The control API has no credentials, so that any page a developer has open could
    use it otherwise. Programs send no Origin and are let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http" and scope["path"].startswith("/_sim/"):
            request = Request(scope)
            origin = request.headers.get("origin")
            if origin and urlsplit(origin).netloc != request.headers.get("host"):
                refusal = JSONResponse({"error": "not from this page"}, 403)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _no_route(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("not found"), 404)


async def _no_method(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("method not allowed"), 405)


async def _our_fault(_request: Request, _error: Exception) -> Response:
    return JSONResponse(responses.error("the simulator failed; see its log"), 500)
