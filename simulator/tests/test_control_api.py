"""Test the control API, which a developer reads and sets under /_sim/."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, SUBACCOUNT_ID
from plivo_simulator.switches import SWITCHES

from .masking_client import ALICE, BOB, MAIN, URL, create_and_read, finished, place

STRANGER = "+12025550109"


def test_a_placed_call_answers_at_once_and_is_seen_to_its_end(
    served: httpx.Client,
) -> None:
    created = create_and_read(served)

    placed = place(served, created, talk_seconds=2, answer=True, digits=[])
    call = finished(served, placed)

    assert (placed["state"], placed["outcome"]) == ("ringing", None)
    assert call["outcome"] == "connected"
    assert [leg["number"] for leg in call["legs"]] == [ALICE, BOB]
    assert {leg["caller_id"] for leg in call["legs"]} == {created["virtual_number"]}
    assert served.get("/_sim/calls").json()["calls"] == [call]
    query = {"session_uuid": created["session_uuid"]}
    assert served.get("/_sim/calls", params=query).json()["calls"] == [call]


def test_a_withheld_number_may_call(served: httpx.Client) -> None:
    prompt = "https://audio.invalid/prompt.wav"
    created = create_and_read(
        served,
        is_pin_authentication_required=True,
        first_party_pin="1111",
        second_party_pin="2222",
        pin_prompt_play=prompt,
    )

    call = finished(
        served, place(served, created, **{"from": "withheld", "digits": ["1111"]})
    )

    assert call["outcome"] == "connected"
    assert call["from"] is None


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"from": "alice"}, 400, "`from` must be a phone number"),
        ({"to": "+12125550199"}, 404, "not a number of this account"),
        ({"answer": "perhaps"}, 400, "answer must be one of"),
        ({"digits": "1234"}, 400, "digits must be a list"),
        ({"talk_seconds": "2"}, 400, "talk_seconds must be a number"),
        ({"talk_seconds": -1}, 400, "talk_seconds must be between"),
        ({"hangup_by": "plivo"}, 400, "hangup_by must be caller or callee"),
    ],
)
def test_a_call_that_can_not_be_placed_says_why(
    served: httpx.Client, body: dict[str, Any], status: int, problem: str
) -> None:
    call = {"from": ALICE, "to": "+12025550180", **body}

    answer = served.post("/_sim/calls", json=call)

    assert answer.status_code == status
    assert problem in answer.json()["error"]


def test_a_person_acts_through_the_control_api(served: httpx.Client) -> None:
    created = create_and_read(served)
    call = place(served, created, answer="manual", manual_caller=True)
    url = f"/_sim/calls/{call['call_uuid']}"

    answered = served.post(f"{url}/actions", json={"action": "answer", "leg": "callee"})
    served.post(f"{url}/actions", json={"action": "hangup", "leg": "caller"})
    view = finished(served, call)
    too_late = served.post(f"{url}/actions", json={"action": "hangup"})

    assert answered.status_code == 202
    assert view["outcome"] == "connected"
    assert too_late.status_code == 404


@pytest.mark.parametrize("body", [{"action": "shout"}, {"action": "answer", "leg": 3}])
def test_an_action_that_makes_no_sense_is_400(
    served: httpx.Client, body: dict[str, Any]
) -> None:
    call = place(served, create_and_read(served), answer="manual")

    answer = served.post(f"/_sim/calls/{call['call_uuid']}/actions", json=body)
    served.post(f"/_sim/calls/{call['call_uuid']}/actions", json={"action": "hangup"})

    assert answer.status_code == 400


def test_a_phone_keeps_its_plan(served: httpx.Client) -> None:
    served.put(f"/_sim/phones/{BOB}", json={"answer": "busy"})
    served.put("/_sim/phones/default", json={"talk_seconds": 5})

    created = create_and_read(served)
    busy = finished(served, place(served, created))
    overridden = finished(served, place(served, created, answer=True))

    assert busy["outcome"] == "busy"
    assert overridden["outcome"] == "connected"
    assert served.get(f"/_sim/phones/{BOB}").json()["answer"] == "busy"
    assert overridden["legs"][1]["duration"] == 5
    assert served.delete(f"/_sim/phones/{BOB}").status_code == 204
    assert served.get(f"/_sim/phones/{BOB}").json()["answer"] == "yes"


def test_numbers_show_who_is_on_them(served: httpx.Client) -> None:
    created = create_and_read(served, virtual_number_cooloff_period=600)
    uuid = created["session_uuid"]

    numbers = served.get("/_sim/numbers").json()["numbers"]
    served.delete(f"{URL}{uuid}/", auth=MAIN)
    cooling = served.get("/_sim/numbers").json()["numbers"]

    first = numbers[0]
    assert first["number"] == created["virtual_number"]
    assert (first["live_sessions"], first["cooling_sessions"]) == ([uuid], [])
    assert (cooling[0]["live_sessions"], cooling[0]["cooling_sessions"]) == ([], [uuid])
    assert {n["country"] for n in numbers} == {"US", "GB", "IN"}
    assert {n["account"] for n in numbers} == {AUTH_ID, SUBACCOUNT_ID}
    assert len(numbers) >= 24


def test_a_number_can_be_rented_and_given_an_answer_url(served: httpx.Client) -> None:
    rented = served.post(
        "/_sim/numbers", json={"number": "+33199001234", "account": SUBACCOUNT_ID}
    )
    twice = served.post("/_sim/numbers", json={"number": "+33199001234"})
    answered = served.put(
        "/_sim/numbers/+33199001234", json={"answer_url": "http://127.0.0.1:1/answer"}
    )
    silent = served.put("/_sim/numbers/+33199001234", json={})

    assert (rented.status_code, rented.json()["country"]) == (201, "FR")
    assert twice.status_code == 409
    assert answered.json()["answer_url"] == "http://127.0.0.1:1/answer"
    assert silent.json()["answer_url"] is None
    created = create_and_read(
        served, first_party="+33199000001", subaccount=SUBACCOUNT_ID
    )
    assert created["virtual_number"] == "+33199001234"


def test_switches_are_listed_set_and_refused_by_name(served: httpx.Client) -> None:
    shown = served.get("/_sim/switches").json()
    changed = served.put("/_sim/switches", json={"sequence": "per_call"}).json()
    unknown = served.put("/_sim/switches", json={"volume": "11"})
    wrong = served.put("/_sim/switches", json={"sequence": "random"})

    assert shown["switches"] == {name: s.values[0] for name, s in SWITCHES.items()}
    assert set(shown["allowed"]) == set(SWITCHES)
    assert changed["switches"]["sequence"] == "per_call"
    assert unknown.status_code == wrong.status_code == 400
    assert "per_session, per_call" in wrong.json()["error"]


def test_the_clock_is_read_set_and_advanced(served: httpx.Client) -> None:
    before = served.get("/_sim/clock").json()
    served.put("/_sim/clock", json={"speed": 0})
    stopped = served.get("/_sim/clock").json()
    advanced = served.post("/_sim/clock/advance", json={"seconds": 60}).json()
    served.put("/_sim/clock", json={"speed": before["speed"]})

    assert before["speed"] == 20
    assert stopped["now"] < advanced["now"]
    for body in ({"speed": "fast"}, {"speed": -1}, {}):
        assert served.put("/_sim/clock", json=body).status_code == 400
    assert served.post("/_sim/clock/advance", json={"seconds": -1}).status_code == 400


def test_a_stepped_clock_finishes_a_call_before_the_answer(
    served: httpx.Client,
) -> None:
    served.put("/_sim/clock", json={"speed": 0})
    call = place(served, create_and_read(served), talk_seconds=3000)

    served.post("/_sim/clock/advance", json={"seconds": 3002})
    view = served.get(f"/_sim/calls/{call['call_uuid']}").json()
    served.put("/_sim/clock", json={"speed": 20})

    assert (view["state"], view["legs"][1]["duration"]) == ("ended", 3000)


def test_a_number_is_replaced_on_demand(served: httpx.Client) -> None:
    created = create_and_read(served)
    url = f"/_sim/sessions/{created['session_uuid']}"

    replaced = served.post(f"{url}/replace-number").json()

    assert replaced["virtual_number"] != created["virtual_number"]
    assert served.get(url).json()["virtual_number"] == replaced["virtual_number"]
    served.delete(f"{URL}{created['session_uuid']}/", auth=MAIN)
    assert served.post(f"{url}/replace-number").status_code == 400
    assert served.post("/_sim/sessions/none/replace-number").status_code == 404
    assert served.get("/_sim/sessions/none").status_code == 404


def test_reset_forgets_everything_even_calls_that_are_up(served: httpx.Client) -> None:
    created = create_and_read(served, record=True)
    place(served, created, talk_seconds=1000)
    served.put("/_sim/switches", json={"sequence": "per_call"})
    served.put("/_sim/faults", json={"create_slow": {}})

    answer = served.post("/_sim/reset", json={"seed": 3})

    assert answer.status_code == 200
    health = served.get("/_sim/health").json()
    assert health["status"] == "ok"
    counts = ("sessions", "calls", "callbacks", "recordings", "requests")
    assert [health[name] for name in counts] == [0] * 5
    assert served.get("/_sim/switches").json()["switches"]["sequence"] == "per_session"
    assert not [f for f in served.get("/_sim/faults").json()["faults"] if f["armed"]]
    again = finished(served, place(served, create_and_read(served)))
    assert again["outcome"] == "connected"
    assert served.post("/_sim/reset", json={"seed": "x"}).status_code == 400


@pytest.mark.parametrize("content", [b"{", b"[]", b"7"])
def test_a_body_that_is_no_object_is_400(served: httpx.Client, content: bytes) -> None:
    for path in ("/_sim/calls", "/_sim/reset"):
        assert served.post(path, content=content).status_code == 400


def test_what_is_not_there_is_404(served: httpx.Client) -> None:
    assert served.get("/_sim/calls/none").status_code == 404
    assert served.get("/_sim/nothing").status_code == 404
    assert served.put("/_sim/numbers/+12125550199", json={}).status_code == 404
