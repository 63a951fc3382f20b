"""Set the stage for calls that XML directs: documents, phones, what came of it."""

from __future__ import annotations

from typing import Any

import httpx

from plivo_simulator.account import AUTH_ID
from plivo_simulator.phones import Plan, read_plan
from plivo_simulator.records import Call, LegRecord
from plivo_simulator.rules.model import Leg
from plivo_simulator.store import Application

from .stage import Stage

CALLER, FIRST, SECOND, THIRD = (f"1202555010{n}" for n in range(4))
NUMBER, OTHER_NUMBER = "12025550180", "12025550181"
APP = "https://app.example"
ANSWER_URL, HANGUP_URL = f"{APP}/answer", f"{APP}/hangup"
XML = {"content-type": "application/xml"}


def document(stage: Stage, path: str, elements: str) -> str:
    """Answer requests to *path* with a document; return its address."""
    url = f"{APP}/{path}"
    text = f"<Response>{elements}</Response>"
    stage.answers[url] = httpx.Response(200, text=text, headers=XML)
    return url


def answer_with(stage: Stage, elements: str) -> None:
    """Answer calls to the account's numbers with a document."""
    document(stage, "answer", elements)
    application = Application("7", AUTH_ID, "voice", ANSWER_URL)
    application.hangup_url = HANGUP_URL
    stage.simulator.store.applications["7"] = application
    for number in (NUMBER, OTHER_NUMBER):
        stage.simulator.store.numbers[number].app_id = "7"


def phone(stage: Stage, number: str, **plan: Any) -> None:
    """Have the phone of *number* follow a plan."""
    stage.simulator.engine.plans[number] = read_plan(plan, Plan())


def start(stage: Stage, caller: str = CALLER, **script: Any) -> Call:
    """Place a call; nothing happens before time passes."""
    return stage.simulator.engine.place_call(caller, NUMBER, script)


async def whole_call(stage: Stage, caller: str = CALLER, **script: Any) -> Call:
    """Place a call and let it come to its end."""
    call = start(stage, caller, **script)
    await stage.pass_time(90_000)
    assert call.ended_at is not None
    return call


def caller_leg(call: Call) -> LegRecord:
    """Return the A-leg."""
    return call.legs[Leg.CALLER]


def code(leg: LegRecord) -> int:
    """Return why *leg* ended, as Plivo's number."""
    assert leg.cause is not None
    return leg.cause.code


def heard(leg: LegRecord) -> list[tuple[str, str]]:
    """Return what *leg* heard, without times."""
    return [(each.what, each.detail) for each in leg.heard]


def events(stage: Stage, channel: str = "") -> list[str]:
    """Return the names of what was told, of one channel or of all."""
    told = stage.callbacks
    return [each.event for each in told if channel in ("", each.channel)]


def told(stage: Stage, event: str) -> dict[str, str | int]:
    """Return what the last request about *event* said."""
    return [each for each in stage.callbacks if each.event == event][-1].attributes
