"""Answer Plivo's Call resource: make, list, get, transfer and hang up calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import responses
from .account_routes import Endpoint, let_in
from .api_faults import refusal_of, with_faults
from .api_requests import body_of, simulator_of
from .credentials import may_act_as
from .faults import Armed
from .listing import KEPT, check_window, read_page
from .records import Call, LegRecord
from .rules.model import Leg
from .simulator import Simulator
from .time_formats import precise_time
from .voice.call_orders import read_order, read_transfer

CDR_DELAY = timedelta(minutes=1)


def call_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}"
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("/Call", on_calls, ["GET", "POST", "DELETE"]),
        ("/Call/{call_uuid}", on_call, ["GET", "POST", "DELETE"]),
        ("/Request/{request_uuid}", on_request, ["DELETE"]),
    ]
    return [
        Route(f"{base}{path}{slash}", let_in(endpoint), methods=methods)
        for path, endpoint, methods in table
        for slash in ("", "/")
    ]


async def on_calls(request: Request) -> Response:
    """Make calls, list calls, or end all of the account's."""
    if request.method == "POST":
        return await with_faults(request, "call_make", _make)
    if request.method == "DELETE":
        simulator, account = simulator_of(request), request.path_params["auth_id"]
        for leg in [leg for _, leg in _legs(simulator, account) if leg.is_up]:
            simulator.call_desk.hang_up(leg.call_uuid)
        return Response(status_code=204)
    return await with_faults(request, "call_list", _list)


async def on_call(request: Request) -> Response:
    """Answer with a leg's record or its live state; transfer it; hang it up."""
    simulator = simulator_of(request)
    wanted, account = request.path_params["call_uuid"], request.path_params["auth_id"]
    call, leg = simulator.store.legs.get(wanted, (None, None))
    if request.method == "DELETE":
        if call is not None and not may_act_as(account, call.account):
            return refusal_of(404, "not found")
        hung_up = simulator.call_desk.hang_up(wanted)
        return Response(status_code=204) if hung_up else refusal_of(404, "not found")
    if call is None or leg is None or not may_act_as(account, call.account):
        return refusal_of(404, "not found")
    if request.method == "POST":
        legs, urls = read_transfer(await body_of(request))
        moved = simulator.call_desk.transfer(wanted, legs, urls)
        if moved is None:
            return refusal_of(404, "call not found or not live")
        return JSONResponse(
            {
                "api_id": responses.api_id(),
                "call_uuids": moved,
                "message": "call transferred",
            },
            202,
        )
    return await with_faults(request, "call_get", _get)


async def _get(request: Request, _fault: Armed | None) -> Response:
    simulator = simulator_of(request)
    call, leg = simulator.store.legs[request.path_params["call_uuid"]]
    if request.query_params.get("status") == "live":
        if not leg.is_up:
            return refusal_of(404, "not found")
        return JSONResponse(_live_document(call, leg))
    if not _has_record(simulator, leg, simulator.clock.now()):
        return refusal_of(404, "not found")
    return JSONResponse(responses.call_document(call, leg))


async def on_request(request: Request) -> Response:
    """Cancel a call that is still queued."""
    wanted = request.path_params["request_uuid"]
    canceled = simulator_of(request).call_desk.cancel(wanted)
    return Response(status_code=204) if canceled else refusal_of(404, "not found")


async def _make(request: Request, _fault: Armed | None) -> Response:
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    body = await body_of(request)
    order = read_order(account, body)
    parent = order.parent_call_uuid
    if (
        parent
        and parent not in simulator.store.legs
        and body.get("error_if_parent_not_found")
    ):
        return refusal_of(404, "parent call not found")
    fired = simulator.call_desk.fire(order)
    single = len(fired) == 1
    document = {
        "api_id": responses.api_id(),
        "message": "call fired" if single else "calls fired",
        "request_uuid": fired[0] if single else fired,
    }
    return JSONResponse(document, 201)


async def _list(request: Request, _fault: Armed | None) -> Response:
    status = request.query_params.get("status")
    if status in ("live", "queued"):
        return _uuids(request, status)
    return _records(request)


def _uuids(request: Request, status: str) -> Response:
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    filters = dict(request.query_params)
    if status == "queued":
        uuids = [call.call_uuid for call in simulator.call_desk.queued(account)]
    else:
        uuids = [
            leg.call_uuid
            for call, leg in _legs(simulator, account)
            if leg.is_up and _fits(responses.call_document(call, leg), filters)
        ]
    return JSONResponse({"api_id": responses.api_id(), "calls": uuids})


def _records(request: Request) -> Response:
    simulator, account = simulator_of(request), request.path_params["auth_id"]
    filters, now = dict(request.query_params), simulator.clock.now()
    page = read_page(request.url.path, request.query_params.multi_items())
    start, end, _ = check_window(filters, ("end_time",), now)
    start = max(start, now - KEPT)
    left_out = simulator.switches["cdr_of_unanswered"] == "left_out"
    found = [
        (call, leg)
        for call, leg in _legs(simulator, account)
        if leg.ended_at
        and start <= leg.ended_at <= end
        and _has_record(simulator, leg, now)
        and not (left_out and leg.leg is Leg.CALLEE and leg.answered_at is None)
        and filters.get("subaccount", call.account) == call.account
    ]
    found.sort(key=lambda each: each[1].started_at)
    documents = [responses.call_document(*each) for each in reversed(found)]
    wanted = [each for each in documents if _fits(each, filters)]
    shown = [{k: v for k, v in d.items() if k != "api_id"} for d in page.cut(wanted)]
    meta = page.meta(len(wanted))
    return JSONResponse({"api_id": responses.api_id(), "meta": meta, "objects": shown})


def _fits(document: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    """Return whether a record passes *filters*: numbers match from their beginning."""
    for name in ("from_number", "to_number"):
        wanted = filters.get(name, "").removeprefix("+")
        if not str(document[name]).startswith(wanted):
            return False
    exact = ("call_direction", "parent_call_uuid", "hangup_cause_code", "hangup_source")
    return all(
        str(document[name]) == filters[name] for name in exact if name in filters
    )


def _legs(simulator: Simulator, account: str) -> list[tuple[Call, LegRecord]]:
    return [
        (call, leg)
        for call, leg in simulator.store.legs.values()
        if may_act_as(account, call.account)
    ]


def _has_record(simulator: Simulator, leg: LegRecord, now: datetime) -> bool:
    late = simulator.switches["cdr_delay"] == "one_minute"
    return not late or (leg.ended_at is not None and leg.ended_at + CDR_DELAY <= now)


def _live_document(call: Call, leg: LegRecord) -> responses.Document:
    document = responses.call_document(call, leg)
    return {
        "api_id": document["api_id"],
        "call_status": leg.status,
        "call_uuid": leg.call_uuid,
        "caller_name": leg.caller_name or call.caller_name,
        "direction": document["call_direction"],
        "from": document["from_number"],
        "request_uuid": leg.call_uuid,
        "session_start": precise_time(leg.started_at),
        "stir_verification": "Verified",
        "to": document["to_number"],
    }
