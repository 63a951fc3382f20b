"""The fold of what the simulator told, compared with what was true in it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from masking.domain.plivo_events import NUMBER_REPLACED
from masking.domain.timeline import Timeline, build_timeline
from plivo_simulator.records import Call as TrueCall
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from tests.support.simulated_calls import (
    FIRST,
    PARTIES,
    SECOND,
    STRANGER,
    Told,
    play,
)

# Quarters of seconds, so that calls end in the second in which the next begins.
QUARTERS = st.integers(0, 12).map(lambda quarters: quarters / 4)
AT_LEAST_A_SECOND = st.integers(4, 16).map(lambda quarters: quarters / 4)

PLANS = st.fixed_dictionaries(
    {
        "from": st.sampled_from([FIRST, SECOND, STRANGER]),
        "gap": QUARTERS,
        "answer": st.sampled_from(["yes", "yes", "yes", "rejected", "no_answer"]),
        "ring_seconds": AT_LEAST_A_SECOND,
        "talk_seconds": AT_LEAST_A_SECOND,
        "hangup_by": st.sampled_from(["caller", "callee"]),
        "gives_up_after": st.sampled_from([None, None, 2.5]),
        "digits": st.sampled_from([["1234"], ["9999", "1234"], ["0", "0", "0"]]),
        "replace": st.sampled_from([False, False, False, True]),
    }
)
PIN = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1234",
    "second_party_pin": "5678",
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
    "pin_retry": 1,
}
SETTINGS = st.sampled_from(
    [{}, {"record": True}, PIN, {**PIN, "record": True}, {"call_time_limit": 60}]
)
SWITCHES = st.fixed_dictionaries(
    {
        "sequence": st.sampled_from(["per_session", "per_call"]),
        "generation": st.sampled_from(["current", "2024", "2023"]),
        "party_names": st.sampled_from(["by_leg", "by_registration"]),
        "attributes": st.sampled_from(["relevant", "all"]),
    }
)

ROLE_OF = {FIRST: "first", SECOND: "second", STRANGER: "unknown"}

BY_PERSON = (1000, 4000)


def told_of(
    plans: list[dict[str, Any]],
    switches: dict[str, str],
    settings: dict[str, Any],
    offset: float,
) -> Told:
    told = play(plans, switches=switches, settings=settings, offset=offset)
    digests = [each.digest for each in told.events()]
    # Two callbacks that say the same are one; then no reader could tell.
    assume(len(set(digests)) == len(digests))
    return told


def story_of(told: Told) -> Timeline:
    return build_timeline(told.events(), PARTIES)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    plans=st.lists(PLANS, min_size=1, max_size=4),
    switches=SWITCHES,
    terms=SETTINGS,
    offset=st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
def test_calls_that_do_not_overlap_are_told_apart_as_they_were(
    plans: list[dict[str, Any]],
    switches: dict[str, str],
    terms: dict[str, Any],
    offset: float,
) -> None:
    told = told_of(plans, switches, terms, offset)

    story = story_of(told)

    expected = [told.digests_of(c) for c in told.calls if told.digests_of(c)]
    assert [set(call.digests) for call in story.calls] == expected


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    plans=st.lists(PLANS, min_size=1, max_size=3),
    switches=SWITCHES,
    terms=SETTINGS,
)
def test_each_call_is_told_as_it_was(
    plans: list[dict[str, Any]],
    switches: dict[str, str],
    terms: dict[str, Any],
) -> None:
    told = told_of(plans, switches, terms, 0.0)

    story = story_of(told)

    assert len(story.calls) == len(told.calls)
    # Without PINs a stranger's call is refused, and nothing is told of it.
    heard = [p for p in plans if p["from"] != STRANGER or "pin_retry" in terms]
    for found, true, plan in zip(story.calls, told.calls, heard, strict=True):
        assert found.caller == ROLE_OF[f"+{true.caller}"]
        assert found.is_over
        _same_ending(found, true, switches["generation"])
        _says_who_hung_up(found, true, plan["hangup_by"])
        assert found.recordings == ((true.recording_id,) if true.recording_id else ())
        assert (found.billed_seconds or 0) == true.bill.seconds
        assert (found.amount or 0) == true.bill.amount
    replaced = switches["generation"] != "2023" and any(p["replace"] for p in plans)
    if replaced:
        newest = _newest_numbers(told)
        assert story.virtual_number in newest
        assert told.virtual_number in newest


def _newest_numbers(told: Told) -> set[str]:
    """Return the virtual numbers that were told of in the last second there was.

    There is more than one if two replacements share it: callbacks have whole seconds,
    and nothing in them says which came first.
    """
    said = [each for each in told.events() if each.name == NUMBER_REPLACED]
    last = max(each.occurred_at for each in said)
    return {
        f"+{each.attributes['VirtualNumber'].removeprefix('+')}"
        for each in said
        if each.occurred_at == last
    }


def _says_who_hung_up(found: Any, true: TrueCall, hangup_by: str) -> None:
    if true.outcome is Outcome.CONNECTED:
        assert found.hung_up_by == getattr(found, hangup_by)
    if true.outcome in (Outcome.REJECTED, Outcome.NO_ANSWER, Outcome.TIME_LIMIT):
        assert found.hung_up_by is None


def _same_ending(found: Any, true: TrueCall, generation: str) -> None:
    callee = true.legs.get(Leg.CALLEE)
    connected = callee is not None and callee.answered_at is not None
    assert (found.outcome == "connected") == connected
    if connected and callee and callee.answered_at and callee.ended_at:
        talked = (callee.ended_at - callee.answered_at).total_seconds()
        assert abs(found.talk_seconds - talked) <= 1
    if true.outcome is Outcome.PIN_FAILED and generation != "2023":
        assert found.outcome == "pin_failed"
        assert found.pin.tries == 2
    if true.outcome is Outcome.REJECTED:
        assert found.outcome == "rejected"
        assert found.hangup_meaning == "the call was rejected"
    if true.outcome is Outcome.NO_ANSWER:
        assert found.outcome == "no_answer"
