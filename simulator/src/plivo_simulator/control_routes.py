"""Answer the control API under `/_sim/`: place calls, inspect state, inject faults.

Needs no credentials: it is for the developer on this machine. Errors are
`{"error": "<what is wrong>"}` with 400, 404 or 409.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import media, views
from .app_proxy import pass_on, play_stored, show_app
from .callback_controls import list_callbacks, release_callbacks
from .control_requests import (
    ControlError,
    Endpoint,
    body_of,
    digits_of,
    guarded,
    number_of,
    simulator_of,
)
from .conversation import Action
from .event_stream import stream_events
from .inbox import METHODS as INBOX_METHODS
from .inbox import list_inbox, receive
from .messages.controls import message_control_routes
from .number_controls import change_number, list_numbers, rent_number, set_number
from .phones import read_plan
from .rules.model import Leg
from .session_controls import (
    change_session,
    drop_session,
    get_session,
    list_sessions,
    new_session,
    swap_number,
)
from .simulator import Simulator
from .switches import SWITCHES

MAX_WAIT_SECONDS = 60.0
WITHHELD = "withheld"
_ACTIONS = ("answer", "decline", "hangup", "key", "digits", "say")


def control_routes() -> list[Route]:
    """Return the routes of the control API."""
    table: list[tuple[str, Mapping[str, Endpoint]]] = [
        ("/health", {"GET": health}),
        ("/calls", {"GET": list_calls, "POST": place_call}),
        ("/calls/{call_uuid}", {"GET": get_call}),
        ("/calls/{call_uuid}/actions", {"POST": act}),
        ("/sessions", {"GET": list_sessions, "POST": new_session}),
        (
            "/sessions/{session_uuid}",
            {"GET": get_session, "PATCH": change_session, "DELETE": drop_session},
        ),
        ("/sessions/{session_uuid}/replace-number", {"POST": swap_number}),
        ("/numbers", {"GET": list_numbers, "POST": rent_number}),
        ("/numbers/{number}", {"PUT": set_number, "PATCH": change_number}),
        ("/callbacks", {"GET": list_callbacks}),
        ("/callbacks/release", {"POST": release_callbacks}),
        ("/recordings", {"GET": list_recordings}),
        ("/ledger", {"GET": list_ledger}),
        (
            "/phones/{number}",
            {"GET": get_phone, "PUT": put_phone, "DELETE": forget_phone},
        ),
        ("/faults", {"GET": get_faults, "PUT": put_faults, "PATCH": patch_faults}),
        ("/switches", {"GET": get_switches, "PUT": put_switches}),
        ("/events", {"GET": stream_events}),
        ("/inbox", {"GET": list_inbox}),
        ("/inbox/{name}", dict.fromkeys(INBOX_METHODS, receive)),
        ("/app", {"GET": show_app}),
        ("/app/recordings/{recording_uuid}", {"GET": play_stored}),
        ("/app/{path:path}", dict.fromkeys(INBOX_METHODS, pass_on)),
        ("/clock", {"GET": get_clock, "PUT": put_clock}),
        ("/clock/advance", {"POST": advance_clock}),
        ("/reset", {"POST": reset}),
    ]
    routes = [
        Route(f"/_sim{path}", guarded(endpoint), methods=[method])
        for path, endpoints in table
        for method, endpoint in endpoints.items()
    ]
    return [*routes, *message_control_routes()]


async def health(request: Request) -> Response:
    """Show that the simulator runs, and how many objects it holds."""
    simulator = simulator_of(request)
    store = simulator.store
    counts = {
        "sessions": len(store.sessions),
        "calls": len(store.calls),
        "callbacks": len(store.callbacks),
        "recordings": len(store.recordings),
        "requests": len(store.ledger),
    }
    return JSONResponse({"status": "ok", "origin": simulator.origin, **counts})


async def place_call(request: Request) -> Response:
    """Place a call to a virtual number; answers at once with the call's id."""
    simulator = simulator_of(request)
    body = await body_of(request)
    withheld = body.get("from") == WITHHELD
    caller = "" if withheld else digits_of(body, "from")
    number = digits_of(body, "to")
    if number not in simulator.store.numbers:
        raise ControlError(404, "`to` is not a number of this account")
    simulator.engine.check_plan(body)
    call = simulator.engine.place_call(caller, number, body)
    return JSONResponse(views.call_view(simulator, call), 201)


async def list_calls(request: Request) -> Response:
    """Show every call, or those of `?session_uuid=`."""
    simulator = simulator_of(request)
    wanted = request.query_params.get("session_uuid")
    calls = [
        views.call_view(simulator, call)
        for call in simulator.store.calls.values()
        if wanted in (None, call.session_uuid)
    ]
    return JSONResponse({"calls": calls})


async def get_call(request: Request) -> Response:
    """Show one call; `?wait=10` waits for its end and its callbacks for so long."""
    simulator = simulator_of(request)
    call = simulator.store.calls.get(request.path_params["call_uuid"])
    if call is None:
        raise ControlError(404, "no such call")
    wait = float(request.query_params.get("wait", 0))
    with suppress(TimeoutError):
        async with asyncio.timeout(min(wait, MAX_WAIT_SECONDS)):
            await call.over.wait()
            while any(
                callback.state == "pending"
                for callback in simulator.store.callbacks_of.get(call.call_uuid, ())
            ):
                await asyncio.sleep(0.02)
    return JSONResponse(views.call_view(simulator, call))


async def act(request: Request) -> Response:
    """Act as a person: {"action": "answer|decline|hangup|digits", "leg": ...}.

    The UUID in the path is a call's, or that of the leg whose person acts.
    """
    simulator = simulator_of(request)
    body = await body_of(request)
    what = body.get("action")
    if what not in _ACTIONS:
        raise ControlError(400, f"action must be one of {', '.join(_ACTIONS)}")
    try:
        leg = Leg(body.get("leg", Leg.CALLER))
    except ValueError:
        raise ControlError(400, "leg must be caller or callee") from None
    action = Action(str(what), leg, str(body.get("digits", "")))
    simulator.engine.act(request.path_params["call_uuid"], action)
    return JSONResponse({"accepted": True}, 202)


async def list_recordings(request: Request) -> Response:
    """Show recordings; `?truth=1` adds the bytes and SHA-256 of each file."""
    simulator, query = simulator_of(request), request.query_params
    shown = []
    for recording in simulator.store.recordings.values():
        if query.get("session_uuid") in (None, recording.session_uuid):
            view = views.recording_view(simulator, recording)
            if query.get("truth") and recording.ended_at:
                view |= await media.truth(recording)
            shown.append(view)
    return JSONResponse({"recordings": shown})


async def list_ledger(request: Request) -> Response:
    """Show every request to the masking API, after number `?after=`."""
    simulator, query = simulator_of(request), request.query_params
    entries = simulator.store.ledger[int(query.get("after", 0)) :]
    wanted = query.get("session_uuid")
    shown = [e for e in entries if wanted in (None, e.session_uuid)]
    return JSONResponse({"requests": [views.ledger_view(entry) for entry in shown]})


async def get_phone(request: Request) -> Response:
    """Show how a phone behaves."""
    engine = simulator_of(request).engine
    number = request.path_params["number"].removeprefix("+")
    return JSONResponse(views.plan_view(engine.plan_of(number, {})))


async def put_phone(request: Request) -> Response:
    """Set how a phone behaves; `default` is every phone without a plan of its own."""
    engine = simulator_of(request).engine
    number = request.path_params["number"].removeprefix("+")
    plan = read_plan(await body_of(request), engine.default_plan)
    if number == "default":
        engine.default_plan = plan
    else:
        engine.plans[number] = plan
    return JSONResponse(views.plan_view(plan))


async def forget_phone(request: Request) -> Response:
    """Have a phone behave as those without a plan of their own again."""
    number = request.path_params["number"].removeprefix("+")
    simulator_of(request).engine.plans.pop(number, None)
    return Response(status_code=204)


async def get_faults(request: Request) -> Response:
    """Show every fault: what it does, whether it is armed, how often it fired."""
    return JSONResponse({"faults": simulator_of(request).faults.report()})


async def put_faults(request: Request) -> Response:
    """Arm exactly the named faults; `{}` disarms all."""
    simulator = simulator_of(request)
    simulator.faults.arm(await body_of(request))
    return await _faults_changed(simulator)


async def patch_faults(request: Request) -> Response:
    """Arm or, with null, disarm the named faults and leave the others."""
    simulator = simulator_of(request)
    simulator.faults.rearm(await body_of(request))
    return await _faults_changed(simulator)


async def _faults_changed(simulator: Simulator) -> Response:
    report = {"faults": simulator.faults.report()}
    simulator.broadcast.tell("faults", lambda: report)
    return JSONResponse(report)


async def get_switches(request: Request) -> Response:
    """Show the switches' values and what each may be."""
    chosen = simulator_of(request).switches.values()
    allowed = {
        name: {"values": list(switch.values), "description": switch.description}
        for name, switch in SWITCHES.items()
    }
    return JSONResponse({"switches": chosen, "allowed": allowed})


async def put_switches(request: Request) -> Response:
    """Set the named switches."""
    simulator = simulator_of(request)
    simulator.switches.set(await body_of(request))
    chosen = {"switches": simulator.switches.values()}
    simulator.broadcast.tell("switches", lambda: chosen)
    return JSONResponse(chosen)


async def get_clock(request: Request) -> Response:
    """Show the simulated time and its speed."""
    return JSONResponse(views.clock_view(simulator_of(request).clock))


async def put_clock(request: Request) -> Response:
    """Set the speed: 1 is real time, 0 stops the clock."""
    body = await body_of(request)
    simulator_of(request).clock.set_speed(number_of(body, "speed"))
    return _clock_changed(simulator_of(request))


async def advance_clock(request: Request) -> Response:
    """Move time forward; answers when everything due by then has happened."""
    body = await body_of(request)
    seconds = number_of(body, "seconds")
    if not 0 <= seconds <= 100 * 86400:
        raise ControlError(400, "seconds must be between 0 and 8640000")
    await simulator_of(request).clock.advance(seconds)
    return _clock_changed(simulator_of(request))


def _clock_changed(simulator: Simulator) -> Response:
    shown = views.clock_view(simulator.clock)
    simulator.broadcast.tell("clock", lambda: shown)
    return JSONResponse(shown)


async def reset(request: Request) -> Response:
    """Clear everything; `{"seed": 7}` seeds the random draws of the faults."""
    body = await body_of(request)
    seed = body.get("seed", 0)
    if type(seed) is not int:
        raise ControlError(400, "seed must be a whole number")
    simulator_of(request).reset(seed)
    return JSONResponse({"status": "reset"})
