"""Test many calls at once: none may see, take or change anything of another."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import httpx
import pytest

from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome

from .callback_receiver import CallbackReceiver
from .stage import PIN_TERMS, Stage

pytestmark = pytest.mark.anyio

CROWD = 200
SCRIPTS: tuple[tuple[dict[str, Any], Outcome], ...] = (
    ({}, Outcome.CONNECTED),
    ({"answer": "busy"}, Outcome.BUSY),
    ({"answer": "rejected"}, Outcome.REJECTED),
    ({"answer": "ring"}, Outcome.NO_ANSWER),
    ({"answer": "ring", "gives_up_after": 5}, Outcome.CANCELLED),
)


async def test_two_hundred_calls_at_once_have_two_hundred_right_histories(
    stage: Stage,
) -> None:
    placed = []
    for n in range(CROWD):
        first, second = f"+1303555{n:04}", f"+1404555{n:04}"
        talk = stage.create(
            first_party=first, second_party=second, record=True, callback_method="POST"
        )
        script, outcome = SCRIPTS[n % len(SCRIPTS)]
        caller = second if n % 2 else first
        call = stage.call(caller, talk, talk_seconds=10 + n, **script)
        placed.append((n, talk, call, outcome, caller))
    await stage.pass_time(600)

    for n, talk, call, outcome, caller in placed:
        told = stage.simulator.store.callbacks_of[talk.session_uuid]
        other = talk.first_party if n % 2 else talk.second_party
        assert call.outcome is outcome
        assert call.session_uuid == talk.session_uuid
        assert call.legs[Leg.CALLEE].number == other
        assert {c.call_uuid for c in told} == {call.call_uuid}
        assert {c.attributes["From"] for c in told} == {caller[1:]}
        assert {c.attributes["To"] for c in told} == {other}
        numbers = [int(c.attributes["SequenceNumber"]) for c in told]
        assert numbers == list(range(1, len(told) + 1))
        assert all(c.state == "delivered" for c in told)
        if outcome is Outcome.CONNECTED:
            assert call.legs[Leg.CALLEE].duration == 10 + n
            recording = stage.simulator.store.recordings[call.recording_id]
            assert recording.session_uuid == talk.session_uuid
            assert recording.milliseconds == (10 + n) * 1000
        else:
            assert not call.recording_id
    # All of them shared a single virtual number.
    assert len({talk.virtual_number for _, talk, *_ in placed}) == 1


async def test_two_hundred_strangers_with_pins_reach_the_right_people(
    stage: Stage,
) -> None:
    placed = []
    for n in range(CROWD):
        pins = {"first_party_pin": f"1{n:04}", "second_party_pin": f"2{n:04}"}
        talk = stage.create(
            first_party=f"+1303555{n:04}",
            second_party=f"+1404555{n:04}",
            **{**PIN_TERMS, **pins},
        )
        placed.append((n, talk))
    calls = [
        stage.call(f"+1505555{n:04}", talk, digits=["90000", f"1{n:04}"])
        for n, talk in placed
    ]
    await stage.pass_time(300)

    for (n, talk), call in zip(placed, calls, strict=True):
        assert call.outcome is Outcome.CONNECTED
        assert call.session_uuid == talk.session_uuid
        assert call.legs[Leg.CALLEE].number == f"1404555{n:04}"


def test_two_hundred_calls_at_once_over_http_are_told_to_the_right_app(
    served: httpx.Client, receiver: CallbackReceiver
) -> None:
    numbers = {}
    # However slow this machine is, all are up together.
    served.put("/_sim/clock", json={"speed": 0})
    for n in range(CROWD):
        body = {
            "first_party": f"+1303555{n:04}",
            "second_party": f"+1404555{n:04}",
            "callback_url": f"{receiver.origin}/{n}",
        }
        session = served.post("/_sim/sessions", json=body).json()
        call = {"from": body["first_party"], "to": session["virtual_number"]}
        served.post("/_sim/calls", json={**call, "talk_seconds": 100})
        numbers[session["session_uuid"]] = n
    up = [c for c in served.get("/_sim/calls").json()["calls"] if c["state"] != "ended"]
    served.post("/_sim/clock/advance", json={"seconds": 200})
    served.put("/_sim/clock", json={"speed": 20})

    requests = receiver.wait_for(6 * CROWD, seconds=60)

    assert len(up) == CROWD
    by_session = defaultdict(list)
    for request in requests:
        form = request.form
        assert request.url.endswith(f"/{numbers[form['SessionUUID']]}")
        by_session[form["SessionUUID"]].append(int(form["SequenceNumber"]))
    assert set(by_session) == set(numbers)
    # A busy machine may exceed the patience that keeps them in order.
    assert {tuple(sorted(told)) for told in by_session.values()} == {(1, 2, 3, 4, 5, 6)}
