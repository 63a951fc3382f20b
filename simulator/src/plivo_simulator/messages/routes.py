"""Answer Plivo's API of messages and media: send, get, list, upload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..account_routes import Endpoint, let_in
from ..api_faults import refusal_of, with_faults
from ..api_requests import body_of, simulator_of
from ..credentials import may_act_as
from ..faults import Armed
from ..listing import KEPT, Page, comparisons, read_page
from ..parameters import demand
from ..responses import api_id
from ..simulator import Simulator
from ..time_formats import parse_filter_time
from .documents import media_document, message_document, shown_ends
from .media_files import serve_message_media
from .orders import MAX_FILES, read_order
from .records import Medium, Message
from .uploads import read_uploads

LISTED = timedelta(days=1)
_TIME = "message_time"
_BOUNDS = tuple(f"{_TIME}{suffix}" for suffix in ("", "__gt", "__gte"))
_STATES = (
    *("queued", "sent", "failed", "delivered", "undelivered", "rejected", "read"),
    "received",
)


def message_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}"
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("/Message", on_messages, ["GET", "POST"]),
        ("/Message/{message_uuid}", on_message, ["GET"]),
        ("/Message/{message_uuid}/Media", on_message_media, ["GET"]),
        ("/Message/{message_uuid}/Media/{media_id}", on_message_medium, ["GET"]),
        ("/Media", on_media, ["GET", "POST"]),
        ("/Media/{media_id}", on_medium, ["GET"]),
    ]
    routes = [
        Route(f"{base}{path}{slash}", let_in(endpoint), methods=methods)
        for path, endpoint, methods in table
        for slash in ("", "/")
    ]
    file = "/media/Account/{auth_id}/Media/{media_id}"
    return [*routes, Route(file, serve_message_media, methods=["GET"])]


async def on_messages(request: Request) -> Response:
    """Send a message, or answer with a page of them, newest first."""
    point = "message_send" if request.method == "POST" else "message_list"
    act = _send if request.method == "POST" else _list
    return await with_faults(request, point, act)


async def on_message(request: Request) -> Response:
    """Answer with the record of one message."""
    return await with_faults(request, "message_get", _get)


async def on_message_media(request: Request) -> Response:
    """Answer with the files of a message."""
    simulator = simulator_of(request)
    message = _message(request)
    if message is None:
        return refusal_of(404, "not found")
    documents = [
        media_document(medium, simulator.origin, message.message_uuid)
        for medium in _media_of(simulator, message)
    ]
    page = read_page(request.url.path, request.query_params.multi_items())
    return _paged(page, documents)


async def on_message_medium(request: Request) -> Response:
    """Answer with one file of a message."""
    simulator = simulator_of(request)
    message, wanted = _message(request), request.path_params["media_id"]
    found = _media_of(simulator, message) if message else []
    for medium in found:
        if medium.media_id == wanted and message:
            uuid = message.message_uuid
            document = media_document(medium, simulator.origin, uuid)
            return JSONResponse({"api_id": api_id(), **document})
    return refusal_of(404, "not found")


async def on_media(request: Request) -> Response:
    """Keep uploaded files, or answer with a page of the account's, newest first."""
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    if request.method == "POST":
        return await _upload(request)
    page = read_page(request.url.path, request.query_params.multi_items())
    media = simulator.exchange.media
    documents = [
        media_document(medium, simulator.origin)
        for medium in reversed(simulator.store.media.values())
        if may_act_as(account, medium.account) and media.get(medium.media_id)
    ]
    return _paged(page, documents)


async def on_medium(request: Request) -> Response:
    """Answer with one of the account's files."""
    simulator = simulator_of(request)
    medium = simulator.exchange.media.get(request.path_params["media_id"])
    account = request.path_params["auth_id"]
    if medium is None or not may_act_as(account, medium.account):
        return refusal_of(404, "not found")
    document = media_document(medium, simulator.origin)
    return JSONResponse({"api_id": api_id(), **document})


async def _send(request: Request, _fault: Armed | None) -> Response:
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    order = read_order(
        simulator.store,
        simulator.switches,
        account,
        await body_of(request),
        simulator.clock.now(),
        request.client.host if request.client else "",
    )
    messages = simulator.exchange.send(order)
    if kept := request.app.state.kept:
        kept.save()
    body: dict[str, Any] = {
        "api_id": api_id(),
        "message": "message(s) queued",
        "message_uuid": [message.message_uuid for message in messages],
    }
    if order.invalid:
        body["invalid_number"] = list(order.invalid)
    return JSONResponse(body, 202)


async def _get(request: Request, _fault: Armed | None) -> Response:
    message = _message(request)
    if message is None:
        return refusal_of(404, "not found")
    number = simulator_of(request).store.numbers.get(message.number)
    document = message_document(message, number)
    return JSONResponse({"api_id": api_id(), **document})


async def _list(request: Request, fault: Armed | None) -> Response:
    simulator = simulator_of(request)
    if simulator.exchange.is_over_list_rate():
        return refusal_of(429, "too many requests to list messages")
    account, query = request.path_params["auth_id"], dict(request.query_params)
    page = read_page(request.url.path, request.query_params.multi_items())
    now = simulator.clock.now()
    lag = fault.parameters["seconds"] if fault and fault.fault.effect == "lag" else 0
    newest = now - timedelta(seconds=lag)
    tests = _tests(simulator, query, now)
    found = [
        message
        for message in reversed(simulator.store.messages.values())
        if may_act_as(account, message.account)
        and not message.by_plivo
        and message.created_at <= newest
        and all(test(message) for test in tests)
    ]
    numbers = simulator.store.numbers
    documents = [
        message_document(message, numbers.get(message.number))
        for message in page.cut(found)
    ]
    body = {"api_id": api_id(), "meta": page.meta(len(found)), "objects": documents}
    return JSONResponse(body)


def _tests(
    simulator: Simulator, query: Mapping[str, str], now: datetime
) -> list[Callable[[Message], bool]]:
    """Return the filters of a list. Raise BadParameterError for a bad one.

    Without a lower bound on time it goes back a day; nothing goes back beyond 90.
    """
    state, direction = query.get("message_state"), query.get("message_direction")
    demand(state in (None, *_STATES), f"message_state must be one of {_STATES}")
    known = direction in (None, "inbound", "outbound")
    demand(known, "message_direction must be inbound or outbound")

    def document(message: Message) -> dict[str, Any]:
        return message_document(message, simulator.store.numbers.get(message.number))

    texts: Mapping[str, Callable[[Message], object]] = {
        "subaccount": lambda message: message.account,
        "message_state": lambda message: message.state,
        "message_direction": lambda message: message.direction,
        "message_type": lambda message: message.kind,
        "error_code": lambda message: message.error_code,
        "powerpack_id": lambda message: message.powerpack_uuid,
        "from_number": lambda message: shown_ends(message)[0],
        "to_number": lambda message: shown_ends(message)[1],
        "tendlc_campaign_id": lambda m: document(m)["tendlc_campaign_id"],
        "tendlc_registration_status": (
            lambda m: document(m)["tendlc_registration_status"]
        ),
        "destination_country_iso2": lambda m: document(m)["destination_country_iso2"],
    }
    tests: list[Callable[[Message], bool]] = [
        _equals(read, query[name].removeprefix("+"))
        for name, read in texts.items()
        if name in query
    ]
    tests += comparisons(query, _TIME, parse_filter_time, lambda m: m.created_at)
    bounded = any(name in query for name in _BOUNDS)
    oldest = now - (KEPT if bounded else LISTED)
    return [*tests, lambda message: message.created_at >= oldest]


def _equals(
    read: Callable[[Message], object], wanted: str
) -> Callable[[Message], bool]:
    return lambda message: read(message) == wanted


async def _upload(request: Request) -> Response:
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    kind = request.headers.get("content-type", "")
    uploads = read_uploads(kind, await request.body())
    demand(len(uploads) <= MAX_FILES, f"at most {MAX_FILES} files may be uploaded")
    objects = []
    for upload in uploads:
        if upload.problem:
            failure = {"file_name": upload.file_name, "error_message": upload.problem}
            objects.append({**failure, "status": "failed", "status_code": 400})
            continue
        medium = simulator.exchange.media.keep(account, upload)
        document = media_document(medium, simulator.origin)
        objects.append({**document, "status": "success", "status_code": 201})
    status = 201 if all(o["status_code"] == 201 for o in objects) else 207
    return JSONResponse({"api_id": api_id(), "objects": objects}, status)


def _message(request: Request) -> Message | None:
    wanted, account = (
        request.path_params["message_uuid"],
        request.path_params["auth_id"],
    )
    message = simulator_of(request).store.messages.get(wanted)
    if message is None or message.by_plivo or not may_act_as(account, message.account):
        return None
    return message


def _media_of(simulator: Simulator, message: Message) -> list[Medium]:
    found = (simulator.exchange.media.get(media_id) for media_id in message.media)
    return [medium for medium in found if medium]


def _paged(page: Page, documents: list[dict[str, Any]]) -> Response:
    meta, shown = page.meta(len(documents)), list(page.cut(documents))
    return JSONResponse({"api_id": api_id(), "meta": meta, "objects": shown})
