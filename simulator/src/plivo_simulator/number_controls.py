"""Answer the part of the control API that is about virtual numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import views
from .account import AUTH_ID, TOKENS, RentedNumber, country_of, new_number
from .control_requests import ControlError, body_of, digits_of, simulator_of
from .store import Application, Number

_FIELDS = (
    *("answer_url", "answer_method", "hangup_url", "hangup_method"),
    *("fallback_answer_url", "fallback_method"),
    *("message_url", "message_method"),
)
_CAPABILITIES = ("voice", "sms", "mms")
# What each may be; a campaign has any name.
_REGISTRATIONS: Mapping[str, tuple[str, ...]] = {
    "registration": ("UNREGISTERED", "PROCESSING", "COMPLETED"),
    "campaign_id": (),
    "verification": ("UNVERIFIED", "PENDING_VERIFICATION", "VERIFIED"),
}


async def list_numbers(request: Request) -> Response:
    """Show every rented number with its application and its live sessions."""
    simulator = simulator_of(request)
    numbers = simulator.store.numbers.values()
    shown = [views.number_view(simulator, number) for number in numbers]
    return JSONResponse({"numbers": shown})


async def rent_number(request: Request) -> Response:
    """Add a number: {"number": "+4420...", "account": "SA..."}."""
    simulator = simulator_of(request)
    body = await body_of(request)
    digits, account = digits_of(body, "number"), str(body.get("account", AUTH_ID))
    country = str(body.get("country") or country_of(digits) or "")
    if not country:
        raise ControlError(400, "`country` is needed for a number of that prefix")
    if account not in TOKENS:
        raise ControlError(400, f"`account` must be one of {', '.join(TOKENS)}")
    if digits in simulator.store.numbers:
        raise ControlError(409, "the number is rented already")
    rented = _able(new_number(digits, country, account), body)
    number = simulator.store.rent(rented)
    return JSONResponse(views.number_view(simulator, number), 201)


async def change_number(request: Request) -> Response:
    """Change what a number can do and how it is registered: {"sms": false, ...}."""
    simulator = simulator_of(request)
    number = _number(request)
    body = await body_of(request)
    changes: dict[str, str] = {}
    for name, values in _REGISTRATIONS.items():
        value = body.get(name, getattr(number, name))
        if values and value not in values:
            raise ControlError(400, f"`{name}` must be one of {', '.join(values)}")
        changes[name] = str(value)
    number.rented = _able(number.rented, body)
    for name, text in changes.items():
        setattr(number, name, text)
    return JSONResponse(views.number_view(simulator, number))


async def set_number(request: Request) -> Response:
    """Set or remove a number's URLs: {"answer_url": ..., "message_url": ...}."""
    simulator = simulator_of(request)
    number = _number(request)
    body = await body_of(request)
    if body.get("answer_url") or body.get("message_url"):
        app_id = f"sim-{number.digits}"
        name = f"set-by-hand-for-{number.digits}"
        application = Application(app_id, number.rented.account, name)
        for field, value in _texts(body).items():
            setattr(application, field, value)
        simulator.store.applications[app_id] = application
        number.app_id = app_id
    else:
        number.app_id = ""
    return JSONResponse(views.number_view(simulator, number))


def _number(request: Request) -> Number:
    digits = digits_of(request.path_params, "number")
    number = simulator_of(request).store.numbers.get(digits)
    if number is None:
        raise ControlError(404, "no such number")
    return number


def _able(rented: RentedNumber, body: Mapping[str, Any]) -> RentedNumber:
    able = {name: body[name] for name in _CAPABILITIES if name in body}
    for name, value in able.items():
        if not isinstance(value, bool):
            raise ControlError(400, f"`{name}` must be true or false")
    return replace(rented, **able)


def _texts(body: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: str(body[name]) for name in _FIELDS if name in body}
    return {k: v.upper() if k.endswith("method") else v for k, v in texts.items()}
