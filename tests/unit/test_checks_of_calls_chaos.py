"""The checks of the proof of calls see every kind of untruth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from plivo_simulator.fault_catalogue import FAULTS as CATALOGUE
from proofs.calls_chaos import plan
from proofs.calls_chaos.checks import Evidence, check_all
from proofs.calls_chaos.comparison import differences, outcomes_of, pairs

SESSION = "5a3c1b52-9d1e-4f0a-8d3b-000000000001"


def true_call(minute: int, **changes: Any) -> dict[str, Any]:
    """Return a call as the simulator's ledger has it: 20 s of talk after 5 s."""
    at = f"2026-03-01T12:{minute:02d}"
    callee = {
        "leg": "callee",
        "answered_at": f"{at}:05.900+00:00",
        "ended_at": f"{at}:26.010+00:00",
    }
    caller = {
        "leg": "caller",
        "answered_at": f"{at}:00.100+00:00",
        "ended_at": f"{at}:25.990+00:00",
    }
    return {
        "outcome": "connected",
        "started_at": f"{at}:00.100+00:00",
        "ended_at": f"{at}:26.020+00:00",
        "billed_duration": 120,
        "amount": "0.0220",
        "legs": [caller, callee],
        "callbacks": [],
        **changes,
    }


def told_call(minute: int, ordinal: int, **changes: Any) -> dict[str, Any]:
    """Return the same call as the API tells it."""
    at = f"2026-03-01T12:{minute:02d}"
    return {
        "ordinal": ordinal,
        "certainty": "settled",
        "outcome": "connected",
        "started_at": f"{at}:00Z",
        "answered_at": f"{at}:05Z",
        "ended_at": f"{at}:26Z",
        "talk_seconds": 20,
        "billed_seconds": 120,
        "amount": "0.022",
        **changes,
    }


def event(name: str, call: Mapping[str, Any], kind: str = "call.ended") -> Any:
    """Return the event of a call's end."""
    about = {"session_uuid": SESSION, "call_id": f"c{call['ordinal']}"}
    return {"id": name, "type": kind, **about, "call": call}


CALLS = [told_call(10, 1), told_call(20, 2)]
EVENTS = [event("a", CALLS[0]), event("b", CALLS[1])]
CORRECTION = event("c", CALLS[1], "call.corrected")


def session(calls: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return the session as the API tells it, with its calls."""
    totals = {
        "total_call_amount": "0.044",
        "total_call_billed_duration": 240,
        "total_call_count": 4,
    }
    return {"calls": calls, **totals, **changes}


def evidence(**changes: Any) -> Evidence:
    """Return evidence of two calls that were told as they were."""
    given: dict[str, Any] = {
        "true": {SESSION: [true_call(10), true_call(20)]},
        "told": {SESSION: session(CALLS)},
        "acknowledged": {SESSION: 2},
        "sent": {SESSION: 2},
        "kept": {SESSION: [{"call": 1}, {"call": None}]},
        "bus": {SESSION: EVENTS},
        "webhooks": {SESSION: EVENTS},
        "struck": {"webhook_dropped": 1},
    }
    return Evidence(**{**given, **changes})


def told(**changes: Any) -> dict[str, Any]:
    """Return evidence in which the second call is told otherwise."""
    return {"told": {SESSION: session([CALLS[0], {**CALLS[1], **changes}])}}


def test_calls_that_were_told_as_they_were_hold() -> None:
    assert check_all(evidence(), ["webhook_dropped"], 1).failures == {}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"told": {SESSION: session(CALLS[:1])}}, "as many calls"),
        ({"told": {SESSION: session([])}}, "as many calls"),
        ({"told": {SESSION: session([*CALLS, told_call(30, 3)])}}, "as many calls"),
        (told(outcome="cancelled"), "outcome of a call"),
        (told(outcome="unknown"), "outcome of a call"),
        (told(outcome="talking"), "outcome of a call"),
        (told(started_at="2026-03-01T12:20:02Z"), "started_at of a call"),
        (told(answered_at=None), "answered_at of a call"),
        (told(answered_at="2026-03-01T12:20:03Z"), "answered_at of a call"),
        (told(ended_at=None), "ended_at of a call"),
        (told(ended_at="2026-03-01T12:20:28Z"), "ended_at of a call"),
        (told(talk_seconds=18), "talk_seconds of a call"),
        (told(talk_seconds=None), "talk_seconds of a call"),
        (told(billed_seconds=60), "billed_seconds of a call"),
        (told(billed_seconds=None), "billed_seconds of a call"),
        (told(amount="0.0221"), "amount of a call"),
        (told(amount=None), "amount of a call"),
        (told(certainty="certain"), "every call is settled"),
        ({"told": {SESSION: session(CALLS, total_call_amount="0.054")}}, "totals"),
        ({"told": {SESSION: session(CALLS, total_call_amount=None)}}, "totals"),
        ({"told": {SESSION: session(CALLS, total_call_count=3)}}, "totals"),
        (
            {"told": {SESSION: session(CALLS, total_call_billed_duration=0)}},
            "totals",
        ),
        ({"acknowledged": {SESSION: 3}}, "listed once"),
        ({"acknowledged": {SESSION: 1}, "sent": {SESSION: 1}}, "listed once"),
        ({"kept": {SESSION: [{"call": 1}, {"call": 3}]}}, "calls that are told"),
        ({"bus": {SESSION: EVENTS[:1]}}, "once for each call on the bus"),
        ({"webhooks": {}}, "once for each call at the app"),
        (
            {"bus": {SESSION: [*EVENTS, event("c", CALLS[1])]}},
            "once for each call on the bus",
        ),
        (
            {"webhooks": {SESSION: [*EVENTS, event("c", CALLS[1])]}},
            "once for each call at the app",
        ),
        (
            {
                "bus": {SESSION: [*EVENTS, CORRECTION]},
            },
            "got what the bus got",
        ),
        (
            {
                "webhooks": {
                    SESSION: [EVENTS[0], event("b", {**CALLS[1], "amount": "9"})]
                }
            },
            "told as it is at the app",
        ),
        (
            {
                "bus": {
                    SESSION: [EVENTS[0], event("b", {**CALLS[1], "outcome": "busy"})]
                }
            },
            "told as it is on the bus",
        ),
        (
            {"bus": {SESSION: [*EVENTS, {**CORRECTION, "call_id": "c3"}]}},
            "told to have ended on the bus",
        ),
        (
            {"webhooks": {SESSION: [EVENTS[0], CORRECTION]}},
            "told to have ended at the app",
        ),
        ({"struck": {}}, "each kind of fault struck"),
    ],
)
def test_an_untruth_is_seen(changes: dict[str, Any], check: str) -> None:
    failures = check_all(evidence(**changes), ["webhook_dropped"], 1).failures

    assert any(check in name for name in failures), failures


def test_an_end_that_was_told_wrong_and_corrected_holds() -> None:
    early = event("b", {**CALLS[1], "amount": None})
    said = {SESSION: [EVENTS[0], early, CORRECTION]}

    assert (
        check_all(evidence(bus=said, webhooks=said), ["webhook_dropped"], 1).failures
        == {}
    )


def test_a_callback_whose_answer_was_late_may_be_listed() -> None:
    late = evidence(acknowledged={SESSION: 1}, sent={SESSION: 2})

    assert check_all(late, ["webhook_dropped"], 1).failures == {}


def test_times_may_be_read_on_either_side_of_a_second() -> None:
    near = told_call(10, 1, started_at="2026-03-01T12:10:01Z", talk_seconds=21)

    assert differences(near, true_call(10)) == []


def test_a_call_of_one_leg_may_be_unknown_unless_a_pin_was_told() -> None:
    lone = true_call(10, outcome="pin_failed", legs=true_call(10)["legs"][:1])
    said = {"event": "SessionPinAuthenticationStatus", "state": "delivered"}

    assert outcomes_of(lone) == {"pin_failed", "unknown"}
    assert outcomes_of({**lone, "callbacks": [said]}) == {"pin_failed"}
    assert outcomes_of({**lone, "callbacks": [{**said, "state": "dropped"}]}) == {
        "pin_failed",
        "unknown",
    }
    assert outcomes_of(true_call(10)) == {"connected"}


def test_calls_that_begin_in_one_second_are_paired_by_what_they_say() -> None:
    busy = true_call(10, outcome="busy", amount="0.011", billed_duration=60)
    talked = true_call(10)
    told_busy = told_call(10, 1, outcome="busy", amount="0.011", billed_seconds=60)
    told_talked = told_call(10, 2)

    found = pairs([told_talked, told_busy], [busy, talked])

    assert found == [(told_busy, busy), (told_talked, talked)]


def test_calls_that_are_far_apart_are_paired_by_time_whatever_they_say() -> None:
    first, second = true_call(10, outcome="busy"), true_call(20)
    swapped = [told_call(10, 1), told_call(20, 2, outcome="busy")]

    assert pairs(swapped, [first, second]) == [
        (swapped[0], first),
        (swapped[1], second),
    ]


@pytest.mark.parametrize("calls", [1, 7, 20, 300, 1_000])
def test_a_plan_has_as_many_calls_as_asked_for(calls: int) -> None:
    made = list(plan.plans(calls))

    assert sum(s.calls for each in made for s in each.scripts) == calls
    assert [each.number for each in made] == list(range(len(made)))


def test_a_plan_has_every_kind_of_call_and_of_session() -> None:
    made = list(plan.plans(200))

    kinds = Counter(script.kind for each in made for script in each.scripts)
    wanted = {s.kind for s in (*plan.SCRIPTS, *plan.AT_THE_DOOR, plan.LIMITED)}
    assert kinds.keys() == wanted
    assert {each.kind for each in made} == {"plain", "recorded", "pin", "limited"}
    assert any(script.beside for each in made for script in each.scripts)


def test_a_plan_arms_faults_that_the_simulator_has() -> None:
    armed = plan.faults()

    assert armed.keys() <= CATALOGUE.keys()
    assert {given["rate"] for given in armed.values()} == {plan.RATE}
    assert sum(given["rate"] for given in armed.values()) < 1


def test_a_plan_holds_callbacks_back_in_its_last_wave_alone() -> None:
    usual, last = plan.faults(), plan.faults(held=True)

    assert last == {**usual, plan.HELD: {"rate": plan.RATE}}
    assert plan.HELD in CATALOGUE
