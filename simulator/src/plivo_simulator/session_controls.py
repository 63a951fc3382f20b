"""Answer the part of the control API that is about sessions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import views
from .account import AUTH_ID
from .control_requests import ControlError, body_of, simulator_of
from .rules.model import Session
from .sessions import create_session, end_session, replace_number, update_session


async def list_sessions(request: Request) -> Response:
    """Show every session, newest first."""
    simulator = simulator_of(request)
    sessions = reversed(simulator.store.sessions.values())
    shown = [views.session_view(simulator, session) for session in sessions]
    return JSONResponse({"sessions": shown})


async def new_session(request: Request) -> Response:
    """Create a session as the masking API would, without its credentials."""
    simulator = simulator_of(request)
    session, _ = create_session(simulator, AUTH_ID, await body_of(request))
    return JSONResponse(views.session_view(simulator, session), 201)


async def get_session(request: Request) -> Response:
    """Show one session."""
    session = _session(request)
    return JSONResponse(views.session_view(simulator_of(request), session))


async def change_session(request: Request) -> Response:
    """Update a session as the masking API would."""
    session = _session(request)
    update_session(simulator_of(request), session, await body_of(request))
    return JSONResponse(views.session_view(simulator_of(request), session))


async def drop_session(request: Request) -> Response:
    """Expire a session now."""
    session = _session(request)
    end_session(simulator_of(request), session)
    return JSONResponse(views.session_view(simulator_of(request), session))


async def swap_number(request: Request) -> Response:
    """Move a session to another virtual number."""
    session = _session(request)
    replace_number(simulator_of(request), session)
    return JSONResponse(views.session_view(simulator_of(request), session))


def _session(request: Request) -> Session:
    store = simulator_of(request).store
    session = store.sessions.get(request.path_params["session_uuid"])
    if session is None:
        raise ControlError(404, "no such session")
    return session
