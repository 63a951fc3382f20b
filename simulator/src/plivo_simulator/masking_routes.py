"""Answer the masking API: create, get, list, update, delete, with the armed faults.

Every request is written to the ledger with its change, whatever its client was told:
tests of exactly-once compare a client with the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import responses, views
from .api_faults import fault_after_commit, fault_before_commit, refusal_of
from .broken_connections import BrokenResponse
from .credentials import account_of, may_act_as
from .faults import Armed
from .ignored import ignored_names
from .listing import matching, read_page
from .parameters import BadParameterError
from .rules.model import Session
from .sessions import create_session, end_session, update_session
from .simulator import Simulator
from .store import LedgerEntry

MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of an operation, and its change."""

    status: int
    body: dict[str, Any]
    session_uuid: str = ""
    committed: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorized request: its sender, its account and its parameters."""

    simulator: Simulator
    request: Request
    account: str
    body: Mapping[str, Any]
    fault: Armed | None = None

    @property
    def session_uuid(self) -> str:
        """Return the session that the path names, or ""."""
        return str(self.request.path_params.get("session_uuid", ""))

    def session(self) -> Session | None:
        """Return that session, if this account may see it."""
        session = self.simulator.store.sessions.get(self.session_uuid)
        seen = session and may_act_as(self.account, session.account)
        return session if seen else None

    def shape(self) -> responses.SessionShape:
        """Return the writer of session objects as of now."""
        simulator = self.simulator
        now = simulator.clock.now()
        return responses.SessionShape(
            simulator.store, simulator.switches, simulator.origin, now
        )


Operation = Callable[[Asked], Done]


def create(asked: Asked) -> Done:
    """Create a session."""
    session, is_new = create_session(asked.simulator, asked.account, asked.body)
    document = asked.shape().document(session)
    committed = {
        "action": "created",
        "session_uuid": session.session_uuid,
        "first_party": session.first_party,
        "second_party": session.second_party,
        "virtual_number": session.virtual_number,
        "callback_url": session.terms.callback_url,
        "rang": session.terms.initiate_call_to_first_party,
    }
    body = responses.created(document)
    return Done(201, body, session.session_uuid, committed if is_new else None)


def get(asked: Asked) -> Done:
    """Return one session, expired or not."""
    if (session := asked.session()) is None:
        return _not_found()
    lag = _lag(asked.fault, "stale_totals")
    return Done(200, responses.fetched(asked.shape().document(session, lag=lag)))


def list_all(asked: Asked) -> Done:
    """Return a page of sessions, newest first."""
    simulator, shape = asked.simulator, asked.shape()
    now = simulator.clock.now()
    newest = now - _lag(asked.fault, "lag")
    query = asked.request.query_params.multi_items()
    filters = dict(query)
    party = filters.get("first_party") or filters.get("second_party")
    candidates = (
        simulator.store.with_party(party.strip().removeprefix("+"))
        if party
        else simulator.store.sessions.values()
    )
    visible = (
        session
        for session in candidates
        if may_act_as(asked.account, session.account)
        and (asked.fault is None or session.created_time <= newest)
    )
    page = read_page(asked.request.url.path, query)
    found = matching(visible, filters, shape.status, now)
    documents = [shape.list_item(session) for session in page.cut(found)]
    return Done(200, responses.listed(documents, page.meta(len(found))))


def update(asked: Asked) -> Done:
    """Change a session."""
    if (session := asked.session()) is None:
        return _not_found()
    rebased = update_session(asked.simulator, session, asked.body)
    document = asked.shape().document(session, rebased=rebased)
    committed = {
        "action": "updated",
        "session_uuid": session.session_uuid,
        "fields": sorted(set(asked.body) - {"session_uuid"}),
        "ring_timeout": asked.body.get("ring_timeout"),
    }
    return Done(200, responses.updated(document), session.session_uuid, committed)


def delete(asked: Asked) -> Done:
    """Expire a session."""
    if (session := asked.session()) is None:
        return _not_found()
    end_session(asked.simulator, session)
    committed = {"action": "deleted", "session_uuid": session.session_uuid}
    return Done(200, responses.deleted(), session.session_uuid, committed)


_OPERATIONS: Mapping[str, Operation] = {
    "create": create,
    "get": get,
    "list": list_all,
    "update": update,
    "delete": delete,
}
_ON_COLLECTION = {"GET": "list", "POST": "create"}
_ON_SESSION = {"GET": "get", "POST": "update", "DELETE": "delete"}


async def on_collection(request: Request) -> Response:
    """Answer at `Masking/Session/`."""
    return await _answer(request, _ON_COLLECTION[request.method])


async def on_session(request: Request) -> Response:
    """Answer at `Masking/Session/{session_uuid}/`."""
    return await _answer(request, _ON_SESSION[request.method])


def masking_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}/Masking/Session"
    return [
        Route(f"{base}{slash}", on_collection, methods=list(_ON_COLLECTION))
        for slash in ("", "/")
    ] + [
        Route(f"{base}/{{session_uuid}}{slash}", on_session, methods=list(_ON_SESSION))
        for slash in ("", "/")
    ]


async def _answer(request: Request, operation: str) -> Response:
    simulator: Simulator = request.app.state.simulator
    entry = _entry(simulator, request, operation)
    response = await _respond(simulator, request, operation, entry)
    entry.status = (
        None if isinstance(response, BrokenResponse) else response.status_code
    )
    simulator.broadcast.tell("request", lambda: views.ledger_view(entry))
    if entry.committed and request.app.state.kept:
        request.app.state.kept.save()
    return response


async def _respond(
    simulator: Simulator, request: Request, operation: str, entry: LedgerEntry
) -> Response:
    who, wanted = account_of(request), str(request.path_params["auth_id"])
    if who is None or not may_act_as(who, wanted):
        return refusal_of(401, "authentication failed")
    if simulator.is_over_rate(who):
        return refusal_of(429, "too many requests")
    entry.body = await _sent(request)
    body = {} if request.method == "GET" else entry.body or {}
    if not isinstance(body, dict):
        return refusal_of(400, "the request body is not valid JSON")
    asked = Asked(simulator, request, wanted, body)
    names = {**dict(request.query_params), **body}
    entry.ignored = ignored_names(operation, names, asked.session(), simulator.switches)
    fault = simulator.faults.draw(operation, _facts(asked))
    entry.fault = fault.fault.name if fault else ""
    if fault and (refused := await fault_before_commit(fault, request)):
        return refused
    asked = Asked(simulator, request, wanted, body, fault)
    try:
        done = _OPERATIONS[operation](asked)
    except BadParameterError as refusal:
        done = Done(400, responses.error(str(refusal)))
    entry.session_uuid = entry.session_uuid or done.session_uuid
    entry.committed = done.committed
    response = JSONResponse(done.body, done.status)
    return await fault_after_commit(fault, request, response) if fault else response


def _entry(simulator: Simulator, request: Request, operation: str) -> LedgerEntry:
    entry = LedgerEntry(
        number=len(simulator.store.ledger) + 1,
        at=simulator.clock.now(),
        operation=operation,
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        account=str(request.path_params["auth_id"]),
        session_uuid=str(request.path_params.get("session_uuid", "")),
    )
    simulator.store.ledger.append(entry)
    return entry


async def _sent(request: Request) -> Any:
    """Return the JSON object in the body, None for none, its text for anything else."""
    raw = await request.body()
    if not raw.strip():
        return None
    try:
        body = json.loads(raw) if len(raw) <= MAX_BODY else None
    except ValueError:
        body = None
    return body if isinstance(body, dict) else raw[:MAX_BODY].decode(errors="replace")


def _facts(asked: Asked) -> dict[str, str]:
    sources = {**dict(asked.request.query_params), **asked.body}
    names = ("first_party", "second_party", "virtual_number", "callback_url")
    facts = {name: str(sources.get(name, "")) for name in names}
    if session := asked.session():
        facts |= {name: getattr(session, name) for name in names[:3]}
    return {**facts, "session_uuid": asked.session_uuid}


def _lag(fault: Armed | None, effect: str) -> timedelta:
    lags = fault is not None and fault.fault.effect == effect
    return timedelta(seconds=fault.parameters["seconds"] if fault and lags else 0)


def _not_found() -> Done:
    return Done(404, responses.error("not found"))
