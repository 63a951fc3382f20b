"""Test that a simulator with `--state` goes on from where it ended, or was killed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_simulator.kept_state import StateError
from plivo_simulator.server import running

from .masking_client import CAROL, listed, session_of
from .test_process import a_free_port, process

INBOX = "/_sim/inbox/app"


def _client(origin: str) -> httpx.Client:
    return httpx.Client(base_url=origin, trust_env=False, timeout=30)


def _once(client: httpx.Client, path: str, name: str) -> list[dict[str, Any]]:
    """Return the list *name* at *path* once there is something in it."""
    for _ in range(400):
        found: list[dict[str, Any]] = client.get(path).json()[name]
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing came: {path}")


def _call(client: httpx.Client, session: dict[str, str], **script: object) -> str:
    number = session["virtual_number"]
    call = {"from": session["first_party"], "to": number, **script}
    uuid: str = client.post("/_sim/calls", json=call).json()["call_uuid"]
    return uuid


def test_everything_that_happened_is_there_after_an_end(tmp_path: Path) -> None:
    port, state = a_free_port(), tmp_path / "plivo.json"
    views = ("sessions", "calls", "recordings", "callbacks", "ledger", "inbox")
    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        url = f"{server.origin}{INBOX}"
        session = session_of(api, callback_url=url, record=True)
        uuid = _call(api, session, talk_seconds=5)
        api.get(f"/_sim/calls/{uuid}?wait=20")
        api.post("/_sim/numbers", json={"number": "+33199001234"})
        api.put("/_sim/numbers/+33199001234", json={"answer_url": url})
        api.delete(
            f"/_sim/sessions/{session_of(api, second_party=CAROL)['session_uuid']}"
        )
        (recording,) = api.get("/_sim/recordings").json()["recordings"]
        audio = httpx.get(recording["url"]).content
        before = {name: api.get(f"/_sim/{name}").json() for name in views}
        numbers = api.get("/_sim/numbers").json()["numbers"]

    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        after = {name: api.get(f"/_sim/{name}").json() for name in views}
        again = api.get(f"/_sim/calls/{_call(api, session)}?wait=20").json()
        audio_after = httpx.get(after["recordings"]["recordings"][0]["url"]).content
        numbers_after = api.get("/_sim/numbers").json()["numbers"]

    assert after == before
    assert again["outcome"] == "connected"
    assert audio_after == audio
    assert numbers_after == numbers
    orders = [
        int(each["attributes"]["SequenceNumber"])
        for each in before["callbacks"]["callbacks"] + again["callbacks"]
        if "SequenceNumber" in each["attributes"]
    ]
    assert orders == sorted(set(orders))


def test_a_killed_simulator_knows_what_it_has_answered(tmp_path: Path) -> None:
    port, state = a_free_port(), tmp_path / "plivo.json"
    options = ("--port", str(port), "--state", str(state))
    origin = f"http://127.0.0.1:{port}"
    with process(*options) as (child, _), _client(origin) as api:
        session = session_of(api, record=True)
        uuid = _call(api, session, ring_seconds=0, talk_seconds=600)
        _once(api, "/_sim/recordings", "recordings")
        session_of(api, second_party=CAROL)
        child.kill()
        child.wait()

    with process(*options) as (child, _), _client(origin) as api:
        found = listed(api)
        call = api.get(f"/_sim/calls/{uuid}").json()
        again = _call(api, session, answer="busy")
        outcome = api.get(f"/_sim/calls/{again}?wait=10").json()["outcome"]
        audio = api.get(call["recording"]["url"])

    assert len(found) == 2
    assert call["state"] == "ended"
    assert all(leg["ended_at"] for leg in call["legs"])
    assert call["recording"]["milliseconds"] > 0
    assert audio.status_code == 200
    # Whoever was on the phone when it was killed can be called again.
    assert outcome == "busy"


def test_a_callback_that_was_on_its_way_is_sent_after_the_start(tmp_path: Path) -> None:
    port, state = a_free_port(), tmp_path / "plivo.json"
    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        api.put("/_sim/faults", json={"webhook_held": {}})
        session = session_of(api, callback_url=f"{server.origin}{INBOX}")
        _call(api, session, answer="busy")
        _once(api, "/_sim/callbacks?state=pending", "callbacks")

    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        received = _once(api, "/_sim/inbox", "requests")

    assert session["session_uuid"] in received[0]["body"]


@pytest.mark.parametrize("text", ["{not json", '{"format": 0}', '{"format": 1}'])
def test_a_file_that_can_not_be_read_is_a_sentence(tmp_path: Path, text: str) -> None:
    state = tmp_path / "plivo.json"
    state.write_text(text)

    with pytest.raises(StateError, match=f"can't read {state}"), running(state=state):
        pass

    assert state.read_text() == text


def test_a_call_that_xml_directs_is_there_with_what_each_leg_heard(
    tmp_path: Path,
) -> None:
    port, state = a_free_port(), tmp_path / "plivo.json"
    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        api.put(
            "/_sim/numbers/+12025550180",
            json={"answer_url": "http://127.0.0.1:1/nobody"},
        )
        order = {"from": "+12025550100", "to": "+12025550180"}
        uuid = api.post("/_sim/calls", json=order).json()["call_uuid"]
        before = api.get(f"/_sim/calls/{uuid}?wait=20").json()

    with running(port, speed=20, state=state) as server, _client(server.origin) as api:
        after = api.get(f"/_sim/calls/{uuid}").json()

    assert after == before
    assert after["legs"][0]["hangup_cause_code"] == 7011
