"""Answer Plivo's Number and Application resources."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .account import SUBACCOUNT_ID
from .account_routes import Endpoint, let_in
from .api_faults import refusal_of
from .credentials import may_act_as
from .listing import read_page
from .parameters import BadParameterError
from .responses import api_id
from .simulator import Simulator
from .store import Application, Number

_FIELDS = (
    "app_name",
    "answer_url",
    "answer_method",
    "hangup_url",
    "hangup_method",
    "fallback_answer_url",
    "fallback_method",
)
_URLS = ("answer_url", "hangup_url", "fallback_answer_url")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def number_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}"
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("/Number", on_numbers, ["GET"]),
        ("/Number/{number}", on_number, ["GET", "POST"]),
        ("/Application", on_applications, ["GET", "POST"]),
        ("/Application/{app_id}", on_application, ["GET", "POST", "DELETE"]),
    ]
    return [
        Route(f"{base}{path}{slash}", let_in(endpoint), methods=methods)
        for path, endpoint, methods in table
        for slash in ("", "/")
    ]


async def on_numbers(request: Request) -> Response:
    """Answer with a page of the account's numbers."""
    simulator = _simulator(request)
    account, query = request.path_params["auth_id"], dict(request.query_params)
    page = read_page(request.url.path, request.query_params.multi_items())
    start = query.get("number_startswith", "").removeprefix("+")
    found = [
        number
        for number in simulator.store.numbers.values()
        if may_act_as(account, number.rented.account)
        and number.digits.startswith(start)
        and query.get("subaccount", number.rented.account) == number.rented.account
    ]
    documents = [_number_document(number, account) for number in page.cut(found)]
    body = {"api_id": api_id(), "meta": page.meta(len(found)), "objects": documents}
    return JSONResponse(body)


async def on_number(request: Request) -> Response:
    """Answer with a number, or attach an application, an alias, a sub-account."""
    simulator = _simulator(request)
    account = request.path_params["auth_id"]
    digits = request.path_params["number"].removeprefix("+")
    number = simulator.store.numbers.get(digits)
    if number is None or not may_act_as(account, number.rented.account):
        return refusal_of(404, "not found")
    if request.method == "GET":
        return JSONResponse(_number_document(number, account))
    body = await _body(request)
    app_id = body.get("app_id")
    if app_id and app_id not in simulator.store.applications:
        return refusal_of(404, "application not found")
    if app_id is not None:
        number.app_id = str(app_id)
    number.alias = str(body.get("alias", number.alias))
    return JSONResponse({"api_id": api_id(), "message": "changed"}, 202)


async def on_applications(request: Request) -> Response:
    """Answer with a page of applications, or create one."""
    simulator = _simulator(request)
    account = request.path_params["auth_id"]
    applications = simulator.store.applications
    if request.method == "POST":
        body = await _body(request)
        for name in ("app_name", "answer_url"):
            if not body.get(name):
                return refusal_of(400, f"{name} is missing")
        _check(simulator, body)
        app_id = str(uuid4().int)[:17]
        applications[app_id] = Application(app_id, account, "")
        _change(applications[app_id], body)
        created = {"api_id": api_id(), "app_id": app_id, "message": "created"}
        return JSONResponse(created, 201)
    page = read_page(request.url.path, request.query_params.multi_items())
    found = [a for a in applications.values() if may_act_as(account, a.account)]
    documents = [_application_document(a) for a in page.cut(found)]
    meta = page.meta(len(found))
    return JSONResponse({"api_id": api_id(), "meta": meta, "objects": documents})


async def on_application(request: Request) -> Response:
    """Answer with an application, change it, or delete it."""
    simulator = _simulator(request)
    app_id, account = request.path_params["app_id"], request.path_params["auth_id"]
    application = simulator.store.applications.get(app_id)
    if application is None or not may_act_as(account, application.account):
        return refusal_of(404, "not found")
    if request.method == "GET":
        return JSONResponse({"api_id": api_id(), **_application_document(application)})
    if request.method == "DELETE":
        del simulator.store.applications[app_id]
        for number in simulator.store.numbers.values():
            number.app_id = "" if number.app_id == app_id else number.app_id
        return Response(status_code=204)
    body = await _body(request)
    _check(simulator, body)
    _change(application, body)
    return JSONResponse({"api_id": api_id(), "message": "changed"}, 202)


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise BadParameterError("the request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise BadParameterError("the request body is not an object")
    return body


def _check(simulator: Simulator, body: dict[str, Any]) -> None:
    """Refuse what Plivo refuses in an application."""
    name = body.get("app_name")
    if name is not None and not _NAME.fullmatch(str(name)):
        raise BadParameterError("app_name may have letters, digits, - and _ only")
    if simulator.switches["url_fragment"] == "taken":
        return
    for field in _URLS:
        if "#" in str(body.get(field) or ""):
            raise BadParameterError(f"{field} must be a valid URL")


def _change(application: Application, body: dict[str, Any]) -> None:
    for name in _FIELDS:
        if body.get(name) is not None:
            value = str(body[name])
            setattr(application, name, value.upper() if "method" in name else value)


def _number_document(number: Number, account: str) -> dict[str, Any]:
    sub = number.rented.account == SUBACCOUNT_ID
    uri = f"/v1/Account/{account}"
    return {
        "number": number.digits,
        "alias": number.alias or None,
        "application": f"{uri}/Application/{number.app_id}/" if number.app_id else None,
        "country": number.rented.country,
        "number_type": "local",
        "resource_uri": f"{uri}/Number/{number.digits}/",
        "sub_account": f"{uri}/Subaccount/{SUBACCOUNT_ID}/" if sub else None,
        "sms_enabled": False,
        "voice_enabled": number.rented.voice,
    }


def _application_document(application: Application) -> dict[str, Any]:
    fields = {name: getattr(application, name) for name in _FIELDS}
    # The object names it otherwise than requests do.
    fields["fallback_answer_method"] = fields.pop("fallback_method")
    fields["hangup_url"] = application.told_of_hangup
    uri = f"/v1/Account/{application.account}/Application/{application.app_id}/"
    return {"app_id": application.app_id, **fields, "resource_uri": uri}
