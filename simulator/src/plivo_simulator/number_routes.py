"""Answer Plivo's API of rented numbers: get, list, change, give up."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .account import AUTH_ID, RENTED_ON, SUBACCOUNT_ID, TOKENS
from .account_routes import Endpoint, let_in
from .api_faults import refusal_of
from .api_requests import body_of, simulator_of
from .application_routes import on_application, on_applications
from .credentials import may_act_as
from .listing import comparisons, read_page
from .messages.prices import price_of
from .parameters import demand
from .responses import api_id
from .rules.accounting import rate_per_minute
from .simulator import Simulator
from .store import Number

_SERVICES = ("voice", "sms", "mms")
_TYPES = ("local", "fixed", "tollfree", "mobile", "national")
_CNAM = ("enabled", "disabled")
_RENT = {"US": "0.80000", "GB": "1.00000"}


def number_routes() -> list[Route]:
    """Return the routes, each with and without its trailing slash."""
    base = "/v1/Account/{auth_id}"
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("/Number", on_numbers, ["GET"]),
        ("/Number/{number}", on_number, ["GET", "POST", "DELETE"]),
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
    simulator = simulator_of(request)
    account, query = request.path_params["auth_id"], dict(request.query_params)
    page = read_page(request.url.path, request.query_params.multi_items())
    tests = _tests(query, simulator.clock.now().date())
    found = [
        number
        for number in simulator.store.numbers.values()
        if may_act_as(account, number.rented.account)
        and all(test(number) for test in tests)
    ]
    documents = [_document(simulator, number, account) for number in page.cut(found)]
    body = {"api_id": api_id(), "meta": page.meta(len(found)), "objects": documents}
    return JSONResponse(body)


async def on_number(request: Request) -> Response:
    """Answer with a number, change it, or give it up."""
    simulator = simulator_of(request)
    account = request.path_params["auth_id"]
    digits = request.path_params["number"].removeprefix("+")
    number = simulator.store.numbers.get(digits)
    if number is None or not may_act_as(account, number.rented.account):
        return refusal_of(404, "not found")
    if request.method == "GET":
        return JSONResponse(_document(simulator, number, account))
    if request.method == "DELETE":
        del simulator.store.numbers[digits]
        return Response(status_code=204)
    return _change(simulator, number, account, await body_of(request))


def _change(
    simulator: Simulator, number: Number, account: str, body: Mapping[str, Any]
) -> Response:
    """Set what *body* names; null detaches the application or the sub-account."""
    app_id = str(body.get("app_id") or "")
    application = simulator.store.applications.get(app_id)
    if app_id and (application is None or not may_act_as(account, application.account)):
        return refusal_of(404, "application not found")
    owner = number.rented.account
    if "subaccount" in body:
        owner = str(body["subaccount"] or AUTH_ID)
        known = owner in TOKENS and may_act_as(account, owner)
        demand(known, "subaccount is not valid")
    cnam = str(body.get("cnam_lookup") or number.cnam_lookup)
    demand(cnam in _CNAM, "cnam_lookup must be enabled or disabled")
    if "app_id" in body:
        number.app_id = app_id
    if "alias" in body:
        number.alias = str(body["alias"] or "")
    number.cnam_lookup = cnam
    number.rented = replace(number.rented, account=owner)
    return JSONResponse({"api_id": api_id(), "message": "changed"}, 202)


def _tests(query: Mapping[str, str], today: date) -> list[Callable[[Number], bool]]:
    """Return the filters of a list. Raise BadParameterError for a bad one."""
    kind = query.get("type")
    demand(kind in (None, *_TYPES), f"type must be one of {', '.join(_TYPES)}")
    services = [name for name in query.get("services", "").split(",") if name]
    known = set(services) <= set(_SERVICES)
    demand(known, f"services must be of {', '.join(_SERVICES)}")
    start = query.get("number_startswith", "").removeprefix("+")
    texts: Mapping[str, Callable[[Number], str | None]] = {
        "subaccount": lambda number: number.rented.account,
        "alias": lambda number: number.alias,
        "type": lambda number: number.rented.number_type,
        "cnam_lookup": _cnam,
        "tendlc_registration_status": _registration,
        "tendlc_campaign_id": lambda number: number.campaign,
        "toll_free_sms_verification": _verification,
    }
    tests = [
        _equals(read, query[name]) for name, read in texts.items() if name in query
    ]
    renewal = next_renewal(today)
    tests += comparisons(query, "renewal_date", date.fromisoformat, lambda _: renewal)
    return [
        *tests,
        lambda number: number.digits.startswith(start),
        lambda number: all(getattr(number.rented, name) for name in services),
    ]


def _equals(
    read: Callable[[Number], str | None], wanted: str
) -> Callable[[Number], bool]:
    return lambda number: read(number) == wanted


def _registration(number: Number) -> str | None:
    return number.registration if number.is_10dlc else None


def _verification(number: Number) -> str | None:
    return number.verification if number.rented.number_type == "tollfree" else None


def _cnam(number: Number) -> str | None:
    return number.cnam_lookup if number.rented.country == "US" else None


def next_renewal(today: date) -> date:
    """Return the next day of renewal: the day of the month when it was rented."""
    day = RENTED_ON.day
    if today.day <= day:
        return today.replace(day=day)
    _, length = calendar.monthrange(today.year, today.month)
    return date.fromordinal(today.toordinal() + length - today.day + day)


def _document(simulator: Simulator, number: Number, account: str) -> dict[str, Any]:
    rented, today = number.rented, simulator.clock.now().date()
    sub = rented.account == SUBACCOUNT_ID
    uri = f"/v1/Account/{account}"
    sms, mms = (price_of(rented.country, kind) for kind in ("sms", "mms"))
    return {
        "added_on": RENTED_ON.isoformat(),
        "alias": number.alias or None,
        "application": f"{uri}/Application/{number.app_id}/" if number.app_id else None,
        "caller_reputation_status": "NOT_ENROLLED" if rented.country == "US" else None,
        "carrier": "Plivo",
        "cnam_lookup": _cnam(number),
        "country": rented.country,
        "mms_enabled": rented.mms,
        "mms_rate": f"{mms.inbound:.5f}" if rented.mms else None,
        "monthly_rental_rate": _RENT.get(rented.country, "2.00000"),
        "number": number.digits,
        "number_type": rented.number_type,
        "region": rented.country,
        "renewal_date": next_renewal(today).isoformat(),
        "resource_uri": f"{uri}/Number/{number.digits}/",
        "sms_enabled": rented.sms,
        "sms_rate": f"{sms.inbound:.5f}" if rented.sms else None,
        "sub_account": f"{uri}/Subaccount/{SUBACCOUNT_ID}/" if sub else None,
        "tendlc_campaign_id": number.campaign or None,
        "tendlc_registration_status": _registration(number),
        "toll_free_sms_verification": _verification(number),
        "voice_enabled": rented.voice,
        "voice_rate": f"{rate_per_minute(rented.country):.5f}",
    }
