"""Answer the part of the control API that is about virtual numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import views
from .account import AUTH_ID, TOKENS, RentedNumber, country_of
from .control_requests import ControlError, body_of, digits_of, simulator_of
from .store import Application, Number

_FIELDS = (
    *("answer_url", "answer_method", "hangup_url", "hangup_method"),
    *("fallback_answer_url", "fallback_method"),
)


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
    rented = RentedNumber(digits, country, account, bool(body.get("voice", True)))
    simulator.store.numbers[digits] = Number(rented)
    number = simulator.store.numbers[digits]
    return JSONResponse(views.number_view(simulator, number), 201)


async def set_number(request: Request) -> Response:
    """Set or remove a number's answer URL: {"answer_url": ..., "hangup_url": ...}."""
    simulator = simulator_of(request)
    digits = digits_of(request.path_params, "number")
    number = simulator.store.numbers.get(digits)
    if number is None:
        raise ControlError(404, "no such number")
    body = await body_of(request)
    if body.get("answer_url"):
        app_id = f"sim-{digits}"
        name = f"set-by-hand-for-{digits}"
        application = Application(app_id, number.rented.account, name)
        for field, value in _texts(body).items():
            setattr(application, field, value)
        simulator.store.applications[app_id] = application
        number.app_id = app_id
    else:
        number.app_id = ""
    return JSONResponse(views.number_view(simulator, number))


def _texts(body: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: str(body[name]) for name in _FIELDS if name in body}
    return {k: v.upper() if k.endswith("method") else v for k, v in texts.items()}
