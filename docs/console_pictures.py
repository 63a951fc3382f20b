"""Draw the pictures of the operator's console, on a stack of their own.

    python -m docs.console_pictures

The console is driven by keys without a terminal, and draws itself as SVG. What it shows
is real: sessions, calls and recordings of the simulator; an alarm is set by hand, and a
letter parked, because nothing is broken.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from textual.pilot import Pilot
from textual.widgets import Input

from operate.console.app import TABS, Console, Table
from operate.console.reads import Reads
from operate.deployment import LOCAL, Deployment
from proofs.http_listener import HttpListener
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

DOCS = Path(__file__).resolve().parent

SIZE = (132, 40)

# Seconds that a recording may take to be stored.
PATIENCE = 60.0

# What an app is told of the session that has most to tell.
WEBHOOKS = 6

# The file that a console draws names fonts on the network.
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Start a stack, let something happen in it, draw the console's screens."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(free_addresses(), Path(folder)) as started,
    ):
        running = started.running
        for name, picture in draw(running, play(running)).items():
            path = DOCS / f"console-{name}.svg"
            path.write_text(picture)
            print(path.relative_to(DOCS.parent))


def play(stack: RunningStack) -> str:
    """Let sessions live on a stack; return the one that has most to tell."""
    key = {"authorization": f"Bearer {stack.api_key}"}
    with (
        httpx.Client(
            base_url=stack.addresses.api_url, headers=key, timeout=40, trust_env=False
        ) as api,
        httpx.Client(
            base_url=stack.addresses.plivo_url, timeout=40, trust_env=False
        ) as plivo,
        HttpListener() as app,
    ):
        made = [
            _created(api, first, more)
            for first, more in (
                (100, {"record": True, "callback_url": app.url}),
                (102, {}),
                (104, {"labels": {"order": "8372"}}),
            )
        ]
        _call(plivo, made[0])
        _await_recording(api, made[0]["session_uuid"])
        for each in (made[0], made[1]):
            path = f"/v1/sessions/{each['session_uuid']}"
            api.delete(path).raise_for_status()
        app.wait_for(WEBHOOKS, PATIENCE)
    _trouble(stack)
    return str(made[0]["session_uuid"])


def _created(api: httpx.Client, first: int, more: dict[str, Any]) -> dict[str, Any]:
    body = {
        "first_party": f"+12025550{first}",
        "second_party": f"+12025550{first + 1}",
        "session_expiry": 3600,
        **more,
    }
    answer = api.post("/v1/sessions", json=body).raise_for_status()
    session: dict[str, Any] = answer.json()["session"]
    return session


def _call(plivo: httpx.Client, session: dict[str, Any]) -> None:
    body = {"from": session["first_party"], "to": session["virtual_number"]}
    placed = plivo.post("/_sim/calls", json={**body, "talk_seconds": 3}).json()
    path = f"/_sim/calls/{placed['call_uuid']}"
    plivo.get(path, params={"wait": 30}).raise_for_status()


def _await_recording(api: httpx.Client, session_uuid: str) -> None:
    path = f"/v1/sessions/{session_uuid}/recordings"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = api.get(path).raise_for_status().json()["objects"]
        if [each["status"] for each in found] == ["stored"]:
            return
        time.sleep(0.5)
    raise TimeoutError("the recording was not stored")


def _trouble(stack: RunningStack) -> None:
    """Park a letter and ring an alarm."""
    why = "recordings.example.com is not among RecordingHosts"
    stack.aws.client("sqs").send_message(
        QueueUrl=stack.outputs["RecordingDeadLettersUrl"],
        MessageBody="{}",
        MessageAttributes={
            "explanation": {"DataType": "String", "StringValue": why},
        },
    )
    alarms = stack.aws.client("cloudwatch")
    names = [each["AlarmName"] for each in alarms.describe_alarms()["MetricAlarms"]]
    alarms.set_alarm_state(
        AlarmName=next(each for each in names if "RecordingDeadLetters" in each),
        StateValue="ALARM",
        StateReason="a letter is parked",
    )


def draw(stack: RunningStack, chosen: str) -> dict[str, str]:
    """Return the pictures of a stack's console as SVG, by their names."""
    console = Console(Reads(Deployment(LOCAL, stack.outputs, stack.aws)))

    async def run() -> dict[str, str]:
        async with console.run_test(size=SIZE) as pilot:
            return {name: await each(pilot, chosen) for name, each in SCREENS.items()}

    return asyncio.run(run())


async def _sessions(pilot: Pilot[None], _chosen: str) -> str:
    await _find(pilot, "local")
    return _drawn(pilot)


async def _session(pilot: Pilot[None], chosen: str) -> str:
    await _find(pilot, chosen)
    await pilot.press("enter")
    await _settled(pilot)
    picture = _drawn(pilot)
    await pilot.press("escape")
    await _settled(pilot)
    return picture


async def _numbers(pilot: Pilot[None], _chosen: str) -> str:
    return await _tab(pilot, "numbers")


async def _letters(pilot: Pilot[None], _chosen: str) -> str:
    await _tab(pilot, "letters")
    table = pilot.app.query_one("#letters", Table)
    table.focus()
    table.move_cursor(row=3)
    await pilot.press("r")
    await pilot.pause()
    picture = _drawn(pilot)
    await pilot.press("n")
    await _settled(pilot)
    return picture


async def _alarms(pilot: Pilot[None], _chosen: str) -> str:
    return await _tab(pilot, "alarms")


SCREENS: dict[str, Callable[[Pilot[None], str], Awaitable[str]]] = {
    "sessions": _sessions,
    "session": _session,
    "numbers": _numbers,
    "letters": _letters,
    "alarms": _alarms,
}


async def _find(pilot: Pilot[None], text: str) -> None:
    field = pilot.app.query_one("#find", Input)
    field.value = text
    field.focus()
    await pilot.press("enter")
    await _settled(pilot)


async def _tab(pilot: Pilot[None], name: str) -> str:
    await pilot.press(f"f{[*TABS].index(name) + 1}")
    await _settled(pilot)
    return _drawn(pilot)


async def _settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def _drawn(pilot: Pilot[None]) -> str:
    picture = pilot.app.export_screenshot(title="maskline console")
    return FONT.sub("", picture).replace("Fira Code, monospace", "monospace")


if __name__ == "__main__":
    main()
