"""Create sessions and place calls over HTTP, as an app does, and read the answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from plivo_simulator.account import (
    AUTH_ID,
    AUTH_TOKEN,
    SUBACCOUNT_ID,
    SUBACCOUNT_TOKEN,
)

MAIN, SUB = (AUTH_ID, AUTH_TOKEN), (SUBACCOUNT_ID, SUBACCOUNT_TOKEN)
URL = f"/v1/Account/{AUTH_ID}/Masking/Session/"
ALICE, BOB, CAROL = "+12025550100", "+12025550101", "+12025550102"
GO_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})? \+0000 UTC")
PROMPT = "https://audio.example/prompt.wav"
PIN_FIELDS = (
    "is_pin_authentication_required",
    "generate_pin",
    "generate_pin_length",
    "first_party_pin",
    "second_party_pin",
    "pin_prompt_play",
    "pin_retry",
    "pin_retry_wait",
    "incorrect_pin_play",
)


def create(client: httpx.Client, **body: Any) -> httpx.Response:
    """Create a session between Alice and Bob, unless *body* says otherwise."""
    parties = {"first_party": ALICE, "second_party": BOB}
    return client.post(URL, json={**parties, **body}, auth=MAIN)


def create_and_read(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Create a session and return the whole answer."""
    created: dict[str, Any] = create(client, **body).json()
    return created


def session_of(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Create a session and return its object."""
    answer = create(client, **body)
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()["session"]
    return session


def listed(client: httpx.Client, **query: Any) -> list[str]:
    """Return the UUIDs of a list."""
    answer = client.get(URL, params=query, auth=MAIN)
    assert answer.status_code == 200, answer.text
    return [s["session_uuid"] for s in answer.json()["response"]["objects"]]


def go_datetime(text: str) -> datetime:
    """Return the datetime that Plivo's time format shows."""
    moment = text.partition(" +0000")[0]
    whole, _, fraction = moment.partition(".")
    parsed = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return parsed + timedelta(microseconds=int(fraction.ljust(6, "0") or 0))


def place(client: httpx.Client, created: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Place a call and return it as first shown."""
    call = {"from": ALICE, "to": created["virtual_number"], **body}
    answer = client.post("/_sim/calls", json=call)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


def finished(client: httpx.Client, call: dict[str, Any]) -> dict[str, Any]:
    """Return a call once it is over and its callbacks are delivered."""
    answer = client.get(f"/_sim/calls/{call['call_uuid']}", params={"wait": 10})
    view: dict[str, Any] = answer.json()
    assert view["state"] == "ended"
    return view
