"""Answer the Recording resource: get, list, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import responses
from .api_faults import refusal_of
from .credentials import account_of, may_act_as
from .listing import KEPT, check_window, read_page
from .media import serve_media
from .parameters import BadParameterError
from .records import Recording
from .simulator import Simulator

Endpoint = Callable[[Request], Awaitable[Response]]


def account_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}"
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("/Recording", on_recordings, ["GET"]),
        ("/Recording/{recording_id}", on_recording, ["GET", "DELETE"]),
    ]
    routes = [
        Route(f"{base}{path}{slash}", let_in(endpoint), methods=methods)
        for path, endpoint, methods in table
        for slash in ("", "/")
    ]
    media = "/media/v1/Account/{auth_id}/Recording/{file}"
    return [*routes, Route(media, serve_media, methods=["GET", "HEAD"])]


def let_in(endpoint: Endpoint) -> Endpoint:
    """Answer 401 to a sender who may not act for the account in the path."""

    async def guarded(request: Request) -> Response:
        who = account_of(request)
        if who is None or not may_act_as(who, request.path_params["auth_id"]):
            return refusal_of(401, "authentication failed")
        try:
            return await endpoint(request)
        except BadParameterError as problem:
            return refusal_of(400, str(problem))

    return guarded


async def on_recording(request: Request) -> Response:
    """Answer with one recording, or delete it and its file."""
    simulator: Simulator = request.app.state.simulator
    wanted = request.path_params["recording_id"]
    recording = simulator.store.recordings.get(wanted)
    account = request.path_params["auth_id"]
    if recording is None or not _is_there(recording, account):
        return refusal_of(404, "not found")
    if request.method == "DELETE":
        recording.deleted = True
        return Response(status_code=204)
    return JSONResponse(_document(simulator, recording))


async def on_recordings(request: Request) -> Response:
    """Answer with a page of recordings, newest first."""
    simulator: Simulator = request.app.state.simulator
    now = simulator.clock.now()
    query = request.query_params.multi_items()
    filters = dict(query)
    page = read_page(request.url.path, query)
    start, end, _ = check_window(filters, ("add_time",), now)
    start = max(start, now - KEPT)
    wanted = {
        name: filters[name].removeprefix("+")
        for name in ("call_uuid", "from_number", "to_number")
        if name in filters
    }
    found = [
        recording
        for recording in simulator.store.recordings.values()
        if _is_there(recording, request.path_params["auth_id"])
        and recording.ended_at
        and start <= recording.ended_at <= end
        and all(getattr(recording, name) == value for name, value in wanted.items())
        and filters.get("subaccount", recording.account) == recording.account
    ]
    found.reverse()
    documents = [_document(simulator, recording) for recording in page.cut(found)]
    body = {"api_id": responses.api_id(), "meta": page.meta(len(found))}
    return JSONResponse({**body, "objects": documents})


def _is_there(recording: Recording, account: str) -> bool:
    return not recording.deleted and may_act_as(account, recording.account)


def _document(simulator: Simulator, recording: Recording) -> responses.Document:
    url = simulator.reporter.media_url(recording)
    return responses.recording_document(recording, url)
