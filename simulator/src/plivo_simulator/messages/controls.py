"""Answer the part of the control API that is about messages: write, read, pool."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..account import AUTH_ID, TOKENS
from ..control_requests import (
    ControlError,
    Endpoint,
    body_of,
    digits_of,
    guarded,
    simulator_of,
)
from ..views import View, e164, rfc3339
from .inbound import Incoming
from .records import INBOUND, Powerpack
from .views import message_view

MAX_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_MAX_PICTURES = 10
_MAX_BYTES = 5 * 1024 * 1024


def message_control_routes() -> list[Route]:
    """Return the routes of the control API that are about messages."""
    table: list[tuple[str, Mapping[str, Endpoint]]] = [
        ("/messages", {"GET": list_messages, "POST": write_message}),
        ("/messages/{message_uuid}", {"GET": get_message}),
        ("/phones/{number}/messages", {"GET": read_phone}),
        ("/opt-outs", {"GET": list_opt_outs}),
        ("/powerpacks", {"GET": list_powerpacks}),
        ("/powerpacks/{powerpack_uuid}", {"PUT": put_powerpack}),
    ]
    return [
        Route(f"/_sim{path}", guarded(endpoint), methods=[method])
        for path, endpoints in table
        for method, endpoint in endpoints.items()
    ]


async def write_message(request: Request) -> Response:
    """Let a phone write: {"from": ..., "to": ..., "text": ..., "pictures": 1}."""
    simulator = simulator_of(request)
    body = await body_of(request)
    phone, digits = digits_of(body, "from"), digits_of(body, "to")
    number = simulator.store.numbers.get(digits)
    if number is None:
        raise ControlError(404, "`to` is not a number of this account")
    text = body.get("text", "")
    if not isinstance(text, str):
        raise ControlError(400, "`text` must be a string")
    pictures = _whole(body, "pictures", _MAX_PICTURES)
    size = _whole(body, "picture_bytes", _MAX_BYTES)
    if not text and not pictures:
        raise ControlError(400, "`text` or `pictures` is needed")
    able = number.rented.mms if pictures else number.rented.sms
    if not able:
        kind = "pictures" if pictures else "texts"
        raise ControlError(409, f"the number takes no {kind}")
    media = simulator.exchange.media
    files = [media.make_up(number.rented.account, size) for _ in range(pictures)]
    message = simulator.exchange.take(Incoming(phone, digits, text, files))
    return JSONResponse(message_view(simulator, message), 201)


async def list_messages(request: Request) -> Response:
    """Show all messages, oldest first, or those of `?phone=` or `?number=`."""
    simulator, query = simulator_of(request), request.query_params
    wanted = {
        name: query[name].strip().removeprefix("+")
        for name in ("phone", "number", "direction", "state")
        if name in query
    }
    shown = [
        message_view(simulator, message)
        for message in simulator.store.messages.values()
        if all(getattr(message, name) == value for name, value in wanted.items())
    ]
    return JSONResponse({"messages": shown})


async def get_message(request: Request) -> Response:
    """Show one message; `?wait=10` waits up to ten seconds for its last state."""
    simulator = simulator_of(request)
    message = simulator.store.messages.get(request.path_params["message_uuid"])
    if message is None:
        raise ControlError(404, "no such message")
    seconds = min(float(request.query_params.get("wait", 0)), MAX_WAIT_SECONDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not message.is_over:
                await asyncio.sleep(_POLL_SECONDS)
    return JSONResponse(message_view(simulator, message))


async def read_phone(request: Request) -> Response:
    """Show what a phone wrote and what has arrived there, oldest first."""
    simulator = simulator_of(request)
    phone = digits_of(request.path_params, "number")
    seen = [
        message
        for message in simulator.store.messages.values()
        if message.phone == phone
        and (message.direction == INBOUND or message.arrived_at)
    ]
    seen.sort(key=lambda message: message.arrived_at or message.created_at)
    shown = [message_view(simulator, message) for message in seen]
    return JSONResponse({"messages": shown})


async def list_opt_outs(request: Request) -> Response:
    """Show who wants nothing more from which number."""
    shown = [
        {
            "number": e164(wish.number),
            "phone": e164(wish.phone),
            "campaign_id": wish.campaign_id or None,
            "at": rfc3339(wish.at),
            "acknowledged": wish.acknowledged,
        }
        for wish in simulator_of(request).store.opt_outs
    ]
    return JSONResponse({"opt_outs": shown})


async def list_powerpacks(request: Request) -> Response:
    """Show the pools of numbers to send from."""
    packs = simulator_of(request).store.powerpacks.values()
    return JSONResponse({"powerpacks": [_powerpack_view(pack) for pack in packs]})


async def put_powerpack(request: Request) -> Response:
    """Make or change a pool: {"numbers": ["+12025550180", ...], "account": ...}."""
    simulator = simulator_of(request)
    body = await body_of(request)
    uuid, account = request.path_params["powerpack_uuid"], body.get("account", AUTH_ID)
    if account not in TOKENS:
        raise ControlError(400, f"`account` must be one of {', '.join(TOKENS)}")
    listed = body.get("numbers")
    if not isinstance(listed, list) or not listed:
        raise ControlError(400, "`numbers` must be a list of rented numbers")
    numbers = [digits_of({"numbers": each}, "numbers") for each in listed]
    if unknown := [each for each in numbers if each not in simulator.store.numbers]:
        raise ControlError(404, f"+{unknown[0]} is not a number of this account")
    pack = Powerpack(uuid, account, numbers)
    simulator.store.powerpacks[uuid] = pack
    return JSONResponse(_powerpack_view(pack))


def _powerpack_view(pack: Powerpack) -> View:
    return {
        "powerpack_uuid": pack.powerpack_uuid,
        "account": pack.account,
        "numbers": [e164(number) for number in pack.numbers],
    }


def _whole(body: Mapping[str, Any], name: str, most: int) -> int:
    value = body.get(name, 0)
    if type(value) is not int or not 0 <= value <= most:
        raise ControlError(400, f"`{name}` must be a whole number up to {most}")
    return value
