"""Answer Plivo's API of applications: create, get, list, change, delete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .account import SUBACCOUNT_ID, TOKENS
from .api_faults import refusal_of
from .api_requests import body_of, simulator_of
from .credentials import may_act_as
from .listing import read_page
from .parameters import BadParameterError, boolean_of, demand, method_of, url_of
from .responses import api_id
from .simulator import Simulator
from .store import Application

_URLS = ("answer_url", "hangup_url", "fallback_answer_url", "message_url")
_METHODS = ("answer_method", "hangup_method", "fallback_method", "message_method")
_FLAGS = (
    *("default_number_app", "default_endpoint_app"),
    *("log_incoming_messages", "public_uri"),
)
_NAME = re.compile(r"[A-Za-z0-9_-]+")


async def on_applications(request: Request) -> Response:
    """Answer with a page of applications, or create one."""
    simulator = simulator_of(request)
    account = request.path_params["auth_id"]
    if request.method == "POST":
        return _create(simulator, account, await body_of(request))
    query = dict(request.query_params)
    page = read_page(request.url.path, request.query_params.multi_items())
    found = [
        application
        for application in simulator.store.applications.values()
        if may_act_as(account, application.account)
        and query.get("subaccount", application.account) == application.account
        and query.get("app_name", application.app_name) == application.app_name
    ]
    documents = [_document(simulator, each) for each in page.cut(found)]
    meta = page.meta(len(found))
    return JSONResponse({"api_id": api_id(), "meta": meta, "objects": documents})


async def on_application(request: Request) -> Response:
    """Answer with an application, change it, or delete it."""
    simulator = simulator_of(request)
    app_id, account = request.path_params["app_id"], request.path_params["auth_id"]
    application = simulator.store.applications.get(app_id)
    if application is None or not may_act_as(account, application.account):
        return refusal_of(404, "not found")
    if request.method == "GET":
        return JSONResponse({"api_id": api_id(), **_document(simulator, application)})
    if request.method == "DELETE":
        del simulator.store.applications[app_id]
        for number in simulator.store.numbers.values():
            number.app_id = "" if number.app_id == app_id else number.app_id
        return Response(status_code=204)
    _change(simulator, application, await body_of(request))
    return JSONResponse({"api_id": api_id(), "message": "changed"}, 202)


def _create(simulator: Simulator, account: str, body: Mapping[str, Any]) -> Response:
    for name in ("app_name", "answer_url"):
        demand(body.get(name), f"{name} is missing")
    application = Application(str(uuid4().int)[:17], account, "")
    _change(simulator, application, body)
    simulator.store.applications[application.app_id] = application
    created = {"api_id": api_id(), "app_id": application.app_id, "message": "created"}
    return JSONResponse(created, 201)


def _change(
    simulator: Simulator, application: Application, body: Mapping[str, Any]
) -> None:
    """Set what *body* names. Raise BadParameterError, having changed nothing."""
    sent = {name: value for name, value in body.items() if value is not None}
    changes: dict[str, str | bool] = {}
    for name in _URLS:
        changes[name] = url_of(sent, name, getattr(application, name))
        if "#" in str(sent.get(name, "")):
            _check_fragment(simulator, name)
    for name in _METHODS:
        changes[name] = method_of(sent, name, getattr(application, name))
    for name in _FLAGS:
        changes[name] = boolean_of(sent, name, default=getattr(application, name))
    demand(changes["answer_url"], "answer_url is missing")
    if "app_name" in sent:
        changes["app_name"] = _name(sent["app_name"])
    if sub := sent.get("subaccount"):
        known = str(sub) in TOKENS and may_act_as(application.account, str(sub))
        demand(known, "subaccount is not valid")
        changes["account"] = str(sub)
    for name, value in changes.items():
        setattr(application, name, value)
    _keep_one_default(simulator, application)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadParameterError("app_name may have letters, digits, - and _ only")
    return value


def _check_fragment(simulator: Simulator, name: str) -> None:
    taken = simulator.switches["url_fragment"] == "taken"
    demand(taken, f"{name} must be a valid URL")


def _keep_one_default(simulator: Simulator, chosen: Application) -> None:
    for other in simulator.store.applications.values():
        if other is chosen or other.account != chosen.account:
            continue
        for name in ("default_number_app", "default_endpoint_app"):
            if getattr(chosen, name):
                setattr(other, name, False)


def _document(simulator: Simulator, application: Application) -> dict[str, Any]:
    fields = {name: getattr(application, name) for name in (*_URLS, *_METHODS)}
    # Most pages of the documentation name it otherwise in the object than in requests.
    fallback = fields.pop("fallback_method")
    fields[simulator.switches["fallback_name"]] = fallback
    fields["hangup_url"] = application.told_of_hangup
    uri = f"/v1/Account/{application.account}"
    sub = application.account == SUBACCOUNT_ID
    return {
        **fields,
        "app_id": application.app_id,
        "app_name": application.app_name,
        "application_type": "XML",
        "default_app": application.default_number_app,
        "default_endpoint_app": application.default_endpoint_app,
        "enabled": True,
        "log_incoming_messages": application.log_incoming_messages,
        "public_uri": application.public_uri,
        "resource_uri": f"{uri}/Application/{application.app_id}/",
        "sip_uri": f"sip:{application.app_id}@app.plivo.com",
        "sub_account": f"{uri}/Subaccount/{SUBACCOUNT_ID}/" if sub else None,
    }
