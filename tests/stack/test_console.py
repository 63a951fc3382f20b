"""The operator's console, driven by keys, on a stack."""

from __future__ import annotations

import asyncio
import fcntl
import html
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static, TabbedContent

from docs import console_pictures
from operate.console.app import TABS, Console, SessionScreen, Table
from operate.console.reads import Found, Reads
from operate.deployment import LOCAL, Deployment
from proofs.http_listener import HttpListener
from stack.environments import ROOT
from stack.running import RunningStack
from tests.support.maskline import Command
from tests.support.waiting import wait_for

PAIR = {"first_party": "+12025550170", "second_party": "+12025550171"}
SIZE = (150, 44)

# The most that a busy machine may need for all that a test does.
PATIENCE = 120.0

Drive = Callable[[Pilot[None]], Awaitable[Any]]


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: letters are parked in it, and alarms ring."""
    return lone_stack


@pytest.fixture(name="session")
def _session(api: httpx.Client, simulator: httpx.Client) -> Iterator[dict[str, Any]]:
    """Let a session have a call with a recording and webhooks; end it."""
    with HttpListener() as sink:
        body = {**PAIR, "session_expiry": 3600, "record": True}
        made = api.post("/v1/sessions", json={**body, "callback_url": sink.url})
        session: dict[str, Any] = made.json()["session"]
        place = {"from": PAIR["first_party"], "to": session["virtual_number"]}
        call = simulator.post("/_sim/calls", json={**place, "talk_seconds": 2}).json()
        simulator.get(f"/_sim/calls/{call['call_uuid']}", params={"wait": 30})
        path = f"/v1/sessions/{session['session_uuid']}"
        wait_for(
            lambda: (
                [
                    each["status"]
                    for each in api.get(f"{path}/recordings").json()["objects"]
                ]
                == ["stored"]
            ),
            60,
        )
        sink.wait_for(3, 60)
        api.delete(path)
        yield session


def console_of(stack: RunningStack, **changes: str) -> Console:
    """Return the console of a stack; *changes* replace outputs."""
    outputs = {**stack.outputs, **changes}
    return Console(Reads(Deployment(LOCAL, outputs, stack.aws)))


def driven(console: Console, drive: Drive) -> Any:
    """Run the console without a terminal; return what *drive* returns."""

    async def run() -> Any:
        async with console.run_test(size=SIZE) as pilot:
            await pilot.pause()
            return await asyncio.wait_for(drive(pilot), PATIENCE)

    return asyncio.run(run())


async def settled(pilot: Pilot[None]) -> None:
    """Wait until all that was asked for is shown."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def open_tab(pilot: Pilot[None], name: str) -> None:
    """Open a tab and wait for what it shows."""
    await pilot.press(f"f{[*TABS].index(name) + 1}")
    await settled(pilot)


async def find(pilot: Pilot[None], text: str) -> None:
    """Type a search."""
    field = pilot.app.query_one("#find", Input)
    field.focus()
    field.value = text
    await pilot.press("enter")
    await settled(pilot)


def rows(pilot: Pilot[None], name: str) -> list[list[str]]:
    """Return the cells that a table shows."""
    table = pilot.app.screen.query_one(f"#{name}", Table)
    found = (table.get_row_at(at) for at in range(table.row_count))
    return [[str(cell) for cell in row] for row in found]


def told(pilot: Pilot[None]) -> list[str]:
    """Return what was told in a corner of the screen."""
    return [each.message for each in pilot.app._notifications]


def test_a_session_is_found_by_whatever_an_operator_has_of_it(
    stack: RunningStack, session: dict[str, Any]
) -> None:
    ours = session["session_uuid"]
    known = [
        ours,
        ours.upper(),
        session["carrier_session_uuid"],
        "local",
        f"local {PAIR['first_party']}",
        f"local {PAIR['second_party']}",
        f"local {session['virtual_number']}",
    ]

    async def drive(pilot: Pilot[None]) -> dict[str, list[list[str]]]:
        found = {}
        for text in known:
            await find(pilot, text)
            found[text] = rows(pilot, "sessions")
        return found

    found = driven(console_of(stack), drive)

    for text, shown in found.items():
        assert ours in [row[0] for row in shown], text
    assert "2025550170" not in str(found.values())
    [row] = found[ours]
    assert row[1:3] == ["local", "expired"]
    assert row[3].endswith("70")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nobody", "there is no tenant nobody"),
        ("local 555", "the second word must be a number in E.164"),
        ("one two three", "type a session's UUID"),
        ("0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f", "No session was found."),
        ("local +12025550199", "No session was found."),
    ],
)
def test_a_search_that_finds_nothing_says_why(
    stack: RunningStack, text: str, said: str
) -> None:
    async def drive(pilot: Pilot[None]) -> list[str]:
        await find(pilot, text)
        return told(pilot)

    messages = driven(console_of(stack), drive)

    assert any(each.startswith(said) for each in messages), messages


def test_a_sessions_timeline_has_calls_callbacks_recordings_deliveries_and_changes(
    stack: RunningStack, session: dict[str, Any]
) -> None:
    async def drive(pilot: Pilot[None]) -> tuple[str, list[list[str]], bool]:
        await find(pilot, session["session_uuid"])
        await pilot.press("enter")
        await settled(pilot)
        above = str(pilot.app.screen.query_one("#attributes", Static).render())
        shown = rows(pilot, "timeline")
        await pilot.press("f5")
        await settled(pilot)
        assert rows(pilot, "timeline") == shown
        await pilot.press("escape")
        return above, shown, isinstance(pilot.app.screen, SessionScreen)

    above, shown, is_left = driven(console_of(stack), drive)

    assert session["carrier_session_uuid"] in above
    assert "expired" in above
    kinds = {kind for _, kind, _ in shown}
    assert kinds == {"session", "call", "callback", "recording", "delivery"}
    said = [what for _, _, what in shown]
    assert said[0] == "created at Plivo"
    assert "ended by request" in said
    assert any(each.startswith("call 1 began, first to second") for each in said)
    assert any("SessionFirstPartyAnswer, proven by" in each for each in said)
    assert any("stored, " in each for each in said)
    assert any(each.startswith("call.ended delivered") for each in said)
    assert "2025550170" not in above + str(shown)
    assert not is_left


@pytest.mark.usefixtures("simulator")
def test_the_pool_is_shown_with_what_is_to_be_seen_to(stack: RunningStack) -> None:
    async def drive(pilot: Pilot[None]) -> tuple[list[list[str]], str]:
        await open_tab(pilot, "numbers")
        warned = pilot.app.query_one("#warnings", Static)
        return rows(pilot, "numbers"), str(warned.render())

    shown, warned = driven(console_of(stack), drive)

    assert len(shown) == 38
    assert warned.count("has no application") <= 5
    assert {len(row) for row in shown} == {5}


def test_letters_are_counted_with_their_reason_and_replayed_when_that_is_confirmed(
    stack: RunningStack,
) -> None:
    sqs: Any = stack.aws.client("sqs")
    why = {"DataType": "String", "StringValue": "no such host"}
    sqs.send_message(
        QueueUrl=stack.outputs["CheckDeadLettersUrl"],
        MessageBody='{"session_uuid": "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"}',
        MessageAttributes={"explanation": why},
    )

    async def drive(pilot: Pilot[None]) -> tuple[list[str], ...]:
        await open_tab(pilot, "letters")
        table = pilot.app.query_one("#letters", Table)
        table.focus()
        at = [row[0] for row in rows(pilot, "letters")].index("checks")
        table.move_cursor(row=at)
        await pilot.press("f5")
        await settled(pilot)
        # What was chosen before the letters were read again is still chosen.
        assert table.chosen == "checks"
        before = rows(pilot, "letters")[at]
        await pilot.press("r")
        await pilot.press("n")
        await settled(pilot)
        left = rows(pilot, "letters")[at]
        await pilot.press("r")
        await pilot.press("y")
        while rows(pilot, "letters")[at][1] != "0":
            await settled(pilot)
        return before, left, rows(pilot, "letters")[at], told(pilot)

    before, left, after, messages = driven(console_of(stack), drive)

    assert before == left == ["checks", "1", "no such host"]
    assert after == ["checks", "0", ""]
    assert messages == ["1 sent back to checks"]


def test_alarms_of_this_deployment_are_shown_those_that_ring_first(
    stack: RunningStack,
) -> None:
    cloudwatch: Any = stack.aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="0-of-somebody-else",
        **{"MetricName": "X", "Namespace": "Y", "Statistic": "Sum", "Period": 60},
        **{"EvaluationPeriods": 1, "Threshold": 0},
        ComparisonOperator="GreaterThanThreshold",
    )
    described = cloudwatch.describe_alarms()["MetricAlarms"]
    name = next(n for n in (a["AlarmName"] for a in described) if "PinGuessing" in n)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    async def drive(pilot: Pilot[None]) -> list[list[str]]:
        await open_tab(pilot, "alarms")
        return rows(pilot, "alarms")

    shown = driven(console_of(stack), drive)

    assert "ALARM" in {row[0] for row in shown}
    ringing = [row[0] == "ALARM" for row in shown]
    assert ringing == sorted(ringing, reverse=True)
    names = [row[1] for row in shown]
    assert "PinGuessingAlarm" in names
    assert "PinGuessingAlarm" in [row[1] for row in shown if row[0] == "ALARM"]
    assert "0-of-somebody-else" not in names
    assert all(row[3] for row in shown)


def test_what_aws_refuses_is_one_sentence_and_the_console_goes_on(
    stack: RunningStack,
) -> None:
    gone = stack.outputs["CheckDeadLettersUrl"] + "-gone"

    async def drive(pilot: Pilot[None]) -> list[str]:
        await open_tab(pilot, "letters")
        await pilot.press("r")
        await pilot.press("slash")
        await settled(pilot)
        return told(pilot)

    [said] = driven(console_of(stack, CheckDeadLettersUrl=gone), drive)

    assert said.startswith("AWS refused GetQueueAttributes")


def test_the_command_opens_the_console_in_a_terminal(
    stack: RunningStack, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(dict(stack.outputs)))
    url, ca_file = stack.addresses.aws_url, stack.run_dir / "ca.pem"
    script = OPENS.format(outputs=str(outputs), url=url, ca=str(ca_file))
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environ = {
        **os.environ,
        "TERM": "xterm-256color",
        "PYTHONPATH": f"{ROOT}:{ROOT}/layers/masking:{ROOT}/simulator/src",
    }
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        cwd=ROOT,
    ) as process:
        os.close(theirs)
        try:
            shown = _read_until(ours, b"Dead letters")
            os.write(ours, F2)
            shown += _read_until(ours, b"nothing answers")
            os.write(ours, b"q")
            # What is not read would keep it from ending.
            shown += _read_until(ours, b"\x1b[?1049l")
            status = process.wait(timeout=10)
        finally:
            process.kill()
            os.close(ours)

    assert status == 0, shown
    assert b"maskline-local" in shown


def test_without_a_terminal_the_command_says_that_it_needs_one(
    stack: RunningStack,
) -> None:
    ended = Command(stack).run("console")

    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "Error: The console needs a terminal; run it in one.\n"


def test_the_pictures_are_of_what_happened_and_show_nobodys_number(
    stack: RunningStack,
) -> None:
    pictures = console_pictures.draw(stack, console_pictures.play(stack))

    assert pictures.keys() == console_pictures.SCREENS.keys()
    text = html.unescape("".join(pictures.values())).replace("\u00a0", " ")
    for shown in (
        "call.ended delivered after 1 attempt",
        "Replay all letters of recordings?",
        "has no application",
        "RecordingDeadLettersAlarm",
    ):
        assert shown in text, shown
    assert not re.search(r"\+120255501[0-5]\d", text)


PICTURES = sorted((ROOT / "docs").glob("console-*.svg"))


def test_the_documents_show_every_picture_and_they_need_no_network() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()

    names = [path.name for path in PICTURES]
    assert names == sorted(f"console-{each}.svg" for each in console_pictures.SCREENS)
    for path in PICTURES:
        picture = path.read_text()
        assert f"]({path.name})" in text
        assert not re.search(r"url\(.?http|@font-face|href=", picture)
        assert not re.search(r"\+120255501[0-5]\d", html.unescape(picture))


OPENS = """
import json
from pathlib import Path
from operate.cli import maskline
from stack.aws.clients import LocalAws
from tests.support.maskline import Here

outputs = json.loads(Path({outputs!r}).read_text())
here = Here(outputs, LocalAws({url!r}, Path({ca!r})))
maskline(["--stack", "maskline-local", "console"], obj=lambda: here)
"""

# What a terminal sends for this key.
F2 = b"\x1bOQ"


def _read_until(terminal: int, wanted: bytes) -> bytes:
    """Return what a terminal is sent until something is in it."""
    shown = b""
    deadline = time.monotonic() + 30
    while wanted not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                raise AssertionError(shown.decode()) from None
    return shown


def test_a_screen_offers_what_it_can_do_and_no_more(
    stack: RunningStack, session: dict[str, Any]
) -> None:
    async def drive(pilot: Pilot[None]) -> dict[str, set[str]]:
        found = {}
        for name in TABS:
            await open_tab(pilot, name)
            found[name] = _offered(pilot)
        await open_tab(pilot, "sessions")
        await find(pilot, session["session_uuid"])
        await pilot.press("enter")
        await settled(pilot)
        # Neither is of this screen, and what is below it is not moved by them.
        await pilot.press("slash", "r")
        await settled(pilot)
        assert isinstance(pilot.app.screen, SessionScreen)
        found["session"] = _offered(pilot)
        return found

    offered = driven(console_of(stack), drive)

    common = {"refresh", "find", "quit"}
    assert offered["letters"] == common | {"replay"}
    assert offered["sessions"] == offered["numbers"] == offered["alarms"] == common
    assert offered["session"] == {"app.pop_screen", "refresh", "quit"}


def test_what_comes_when_another_tab_is_open_does_not_leave_that(
    stack: RunningStack, session: dict[str, Any]
) -> None:
    go_on = threading.Event()

    class Slow(Reads):
        """Reads that find nothing before they may."""

        def find(self, text: str) -> list[Found]:
            """Wait, then find."""
            assert go_on.wait(PATIENCE)
            return super().find(text)

    async def drive(pilot: Pilot[None]) -> tuple[str, list[list[str]]]:
        field = pilot.app.query_one("#find", Input)
        field.value = session["session_uuid"]
        await pilot.press("enter")
        await pilot.press("f4")
        go_on.set()
        await settled(pilot)
        active = pilot.app.query_one("#tabs", TabbedContent).active
        return active, rows(pilot, "sessions")

    console = Console(Slow(Deployment(LOCAL, stack.outputs, stack.aws)))
    active, found = driven(console, drive)

    assert active == "tab-alarms"
    assert [row[0] for row in found] == [session["session_uuid"]]


def _offered(pilot: Pilot[None]) -> set[str]:
    """Return the actions that the line at the bottom names."""
    active = pilot.app.screen.active_bindings.values()
    ours = {"refresh", "find", "replay", "quit", "app.pop_screen"}
    return {each.binding.action for each in active if each.enabled} & ours
