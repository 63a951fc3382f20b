"""`MASKLINE_STATE=keep`: nothing is lost by a restart, nor by `kill -9`.

One test walks through three starts, because each takes seconds.
"""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proofs.http_listener import HttpListener
from tests.support.terminal import Terminal
from tests.support.waiting import is_running, wait_for

PEOPLE = {
    "before an end": ("+12125550141", "+12135550142"),
    "after an end": ("+12125550143", "+12135550144"),
    "before a kill": ("+12125550145", "+12135550146"),
    "after a kill": ("+12125550147", "+12135550148"),
}


class App:
    """An app, its people, and the webhooks that it received."""

    def __init__(self, terminal: Terminal, sink: HttpListener) -> None:
        self.terminal = terminal
        self.sink = sink
        self.sessions: dict[str, str] = {}
        self.api = httpx.Client(
            base_url=terminal.addresses.api_url,
            headers={"authorization": "Bearer local-dev-key"},
            timeout=40,
            trust_env=False,
        )
        self.simulator = httpx.Client(
            base_url=terminal.addresses.plivo_url, timeout=40, trust_env=False
        )

    def create(self, name: str) -> None:
        """Create the session *name*."""
        first, second = PEOPLE[name]
        body = {"first_party": first, "second_party": second, "record": True}
        answer = self.api.post(
            "/v1/sessions", json=body | {"callback_url": self.sink.url}
        )
        self.sessions[name] = answer.raise_for_status().json()["session_uuid"]

    def read(self, name: str) -> dict[str, Any]:
        """Read the session *name*."""
        answer = self.api.get(f"/v1/sessions/{self.sessions[name]}").raise_for_status()
        session: dict[str, Any] = answer.json()["session"]
        return session

    def call(self, name: str) -> dict[str, Any]:
        """Let the first party of a session call for two seconds; return the call."""
        number = self.read(name)["virtual_number"]
        call = {"from": PEOPLE[name][0], "to": number, "talk_seconds": 2}
        placed = self.simulator.post("/_sim/calls", json=call).raise_for_status()
        path = f"/_sim/calls/{placed.json()['call_uuid']}?wait=30"
        ended: dict[str, Any] = self.simulator.get(path).raise_for_status().json()
        return ended

    def await_all(self, event: str, names: list[str]) -> None:
        """Wait until each session is listed and its webhook *event* has come."""
        wanted = {self.sessions[name] for name in names}

        def listed() -> bool:
            shown = self.api.get("/v1/sessions").raise_for_status().json()["objects"]
            return wanted <= {each["session_uuid"] for each in shown}

        wait_for(listed, 30)
        wait_for(lambda: wanted <= self._told(event), 60)

    def recordings(self, name: str, count: int) -> list[bytes]:
        """Return the recordings of a session once *count* are stored."""
        path = f"/v1/sessions/{self.sessions[name]}/recordings"

        def stored() -> list[str]:
            found = self.api.get(path).raise_for_status().json()["objects"]
            whole = [e["recording_uuid"] for e in found if e["status"] == "stored"]
            return whole if len(whole) == count else []

        return [self._file(each) for each in wait_for(stored, 90)]

    def _told(self, event: str) -> set[str]:
        bodies = [request.document for request in list(self.sink.requests)]
        return {each["session_uuid"] for each in bodies if each["type"] == event}

    def _file(self, recording_uuid: str) -> bytes:
        link = self.api.get(
            f"/v1/recordings/{recording_uuid}", headers={"accept": "application/json"}
        )
        authority = self.terminal.folder / "run" / "ca.pem"
        answer = httpx.get(
            link.raise_for_status().json()["url"],
            verify=ssl.create_default_context(cafile=authority),
            trust_env=False,
        )
        return answer.raise_for_status().content


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[App]:
    with Terminal(tmp_path) as terminal, HttpListener() as sink:
        terminal.environ["MASKLINE_STATE"] = "keep"
        app = App(terminal, sink)
        yield app
        app.api.close()
        app.simulator.close()


def test_kept_state_survives_an_end_and_a_kill_and_is_gone_without_being_kept(
    app: App,
) -> None:
    process = app.terminal.run_until_ready()
    app.create("before an end")
    assert app.call("before an end")["outcome"] == "connected"
    app.await_all("session.created", ["before an end"])
    (recording,) = app.recordings("before an end", 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0

    process = app.terminal.run_until_ready()
    app.create("after an end")
    app.await_all("session.created", ["before an end", "after an end"])
    assert app.recordings("before an end", 1) == [recording]
    assert app.call("before an end")["outcome"] == "connected"
    app.recordings("before an end", 2)
    children = app.terminal.children()
    app.create("before a kill")
    for pid in (process.pid, *children.values()):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(is_running(pid) for pid in children.values()))

    process = app.terminal.run_until_ready()
    app.create("after a kill")
    app.await_all("session.created", list(PEOPLE))
    for name in ("before an end", "before a kill"):
        call = app.call(name)
        assert call["outcome"] == "connected"
        assert {callback["status"] for callback in call["callbacks"]} == {200}
    app.recordings("before a kill", 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0

    kept = app.terminal.folder / "kept"
    assert kept.exists()
    app.terminal.environ["MASKLINE_STATE"] = ""
    process = app.terminal.start("run")
    wait_for(lambda: not kept.exists(), 20)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
