"""Test the flow of a call: rows C1 to C20 of the decision table.

Each test is a dialogue: the steps of the flow, and the replies to them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from plivo_simulator.rules.flow import inbound, outbound
from plivo_simulator.rules.model import (
    BUSY,
    CANCELLED,
    COUNTRY_BARRED,
    INVALID_DESTINATION,
    NO_ANSWER,
    NORMAL,
    OUT_OF_SERVICE,
    REJECTED,
    RING_TIMEOUT,
    TIME_LIMIT,
    Cause,
    Leg,
    Party,
)
from plivo_simulator.rules.routing import PlayUnknown, Refuse
from plivo_simulator.rules.steps import (
    Answer,
    Cut,
    Gone,
    HangUp,
    Moment,
    Outcome,
    Play,
    Record,
    Ring,
    Talk,
    Unanswered,
)

from .dialogue import connected, dialogue, seen
from .made_up_sessions import (
    ALICE,
    BOB,
    NUMBER,
    one_party,
    session,
)

GREETING, WARNING = "https://audio.example/hi.mp3", "https://audio.example/warn.mp3"
CALLER_LEFT, CALLEE_LEFT = Gone(Leg.CALLER), Gone(Leg.CALLEE)


def test_c1_both_hear_their_audio_before_they_talk() -> None:
    talk = session(
        first_party_play_url=GREETING, second_party_play_url=WARNING, record=True
    )

    steps, outcome = dialogue(
        inbound(connected(talk)), None, None, None, True, CALLER_LEFT
    )

    assert outcome is Outcome.CONNECTED
    assert steps == [
        Answer(),
        Moment.NUMBER_ANSWERED,
        Moment.FIRST_ANSWERED,
        Play(Leg.CALLER, GREETING),
        Moment.SECOND_INITIATED,
        Moment.SECOND_RINGING,
        Ring(Leg.CALLEE, BOB, NUMBER, 45),
        Moment.SECOND_ANSWERED,
        Play(Leg.CALLEE, WARNING),
        Record(),
        Moment.RECORDING_STARTED,
        Talk(14400),
        HangUp(Leg.CALLER, NORMAL),
        HangUp(Leg.CALLEE, NORMAL),
        Moment.FIRST_ENDED,
        Moment.SECOND_ENDED,
        Moment.RECORDING_COMPLETED,
        Moment.CALL_ENDED,
    ]


def test_c1_audio_follows_the_registered_party_not_the_direction() -> None:
    talk = session(first_party_play_url=GREETING)

    steps, _ = dialogue(inbound(connected(talk, Party.SECOND, ALICE)))

    assert Play(Leg.CALLEE, GREETING) in steps
    assert Play(Leg.CALLER, GREETING) not in steps


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        pytest.param(RING_TIMEOUT, Outcome.NO_ANSWER, id="c2_ring_timeout"),
        pytest.param(BUSY, Outcome.BUSY, id="c3_busy"),
        pytest.param(REJECTED, Outcome.REJECTED, id="c4_declined"),
        pytest.param(NO_ANSWER, Outcome.NO_ANSWER, id="c5_no_answer"),
        pytest.param(INVALID_DESTINATION, Outcome.FAILED, id="c6_invalid"),
        pytest.param(OUT_OF_SERVICE, Outcome.FAILED, id="c6_off"),
        pytest.param(COUNTRY_BARRED, Outcome.FAILED, id="c6_barred"),
    ],
)
def test_c2_c3_c4_c5_c6_a_callee_who_does_not_answer_ends_the_call(
    cause: Cause, outcome: Outcome
) -> None:
    steps, ending = dialogue(inbound(connected(session())), Unanswered(cause))

    assert ending is outcome
    assert steps[-5:] == [
        HangUp(Leg.CALLEE, cause),
        HangUp(Leg.CALLER, NORMAL),
        Moment.SECOND_ENDED,
        Moment.FIRST_ENDED,
        Moment.CALL_ENDED,
    ]


def test_c7_a_caller_who_gives_up_cancels_the_ringing() -> None:
    steps, outcome = dialogue(inbound(connected(session())), CALLER_LEFT)

    assert outcome is Outcome.CANCELLED
    assert HangUp(Leg.CALLEE, CANCELLED) in steps
    assert Moment.SECOND_ANSWERED not in steps


def test_c8_the_time_limit_ends_both_legs() -> None:
    talk = session(call_time_limit=60)

    steps, outcome = dialogue(inbound(connected(talk)), None, Cut(TIME_LIMIT))

    assert outcome is Outcome.TIME_LIMIT
    assert Talk(60) in steps
    assert HangUp(Leg.CALLER, TIME_LIMIT) in steps
    assert HangUp(Leg.CALLEE, TIME_LIMIT) in steps


def test_c9_nothing_is_recorded_before_both_have_answered() -> None:
    talk = session(record=True, second_party_play_url=WARNING)

    unanswered, _ = dialogue(inbound(connected(talk)), Unanswered(BUSY))
    left_early, _ = dialogue(inbound(connected(talk)), None, CALLEE_LEFT)

    assert Record() not in unanswered
    assert Record() not in left_early


def test_c10_a_recording_that_cannot_start_is_told_and_the_call_goes_on() -> None:
    talk = session(record=True)

    steps, outcome = dialogue(inbound(connected(talk)), None, False, CALLER_LEFT)

    assert outcome is Outcome.CONNECTED
    assert Moment.RECORDING_FAILED in steps
    assert Moment.RECORDING_COMPLETED not in steps


def test_c11_a_requested_call_rings_the_first_party_then_the_second() -> None:
    steps, outcome = dialogue(outbound(session()), None, None, CALLEE_LEFT)

    rings = [step for step in steps if isinstance(step, Ring)]
    assert outcome is Outcome.CONNECTED
    assert rings == [
        Ring(Leg.CALLER, ALICE, NUMBER, 45),
        Ring(Leg.CALLEE, BOB, NUMBER, 45),
    ]
    assert steps[:2] == [Moment.FIRST_INITIATED, Moment.FIRST_RINGING]


def test_c12_a_requested_call_that_is_not_answered_rings_nobody_else() -> None:
    steps, outcome = dialogue(outbound(session()), Unanswered(RING_TIMEOUT))

    assert outcome is Outcome.NO_ANSWER
    assert steps[-3:] == [
        HangUp(Leg.CALLER, RING_TIMEOUT),
        Moment.FIRST_ENDED,
        Moment.CALL_ENDED,
    ]


def test_c18_terms_changed_during_the_call_hold_for_what_comes_later() -> None:
    talk = session(record=False)
    flow = inbound(connected(talk))
    while not isinstance(next(flow), Ring):
        pass

    talk.terms = replace(talk.terms, record=True, call_time_limit=90)

    steps = [seen(step) for step in (flow.send(None), next(flow))]
    assert steps == [Moment.SECOND_ANSWERED, Record()]
    assert seen(flow.send(True)) is Moment.RECORDING_STARTED
    assert next(flow) == Talk(90)


def test_c19_with_nobody_to_ring_the_callers_leg_ends() -> None:
    steps, outcome = dialogue(inbound(connected(one_party(), other="")))

    assert outcome is Outcome.NO_COUNTERPART
    assert HangUp(Leg.CALLER, INVALID_DESTINATION) in steps
    assert not [step for step in steps if isinstance(step, Ring)]


def test_c20_who_hangs_up_first_is_told_first() -> None:
    steps, _ = dialogue(inbound(connected(session())), None, CALLEE_LEFT)

    assert steps[-3:] == [
        Moment.SECOND_ENDED,
        Moment.FIRST_ENDED,
        Moment.CALL_ENDED,
    ]


def test_r9_the_audio_for_unknown_callers_is_played_and_nothing_told() -> None:
    talk = session(unknown_caller_play=WARNING)

    steps, outcome = dialogue(inbound(PlayUnknown(talk)))

    assert outcome is Outcome.UNKNOWN_CALLER_PLAYED
    assert steps == [Answer(), Play(Leg.CALLER, WARNING), HangUp(Leg.CALLER, NORMAL)]


def test_r10_a_refused_caller_is_never_answered() -> None:
    steps, outcome = dialogue(inbound(Refuse()))

    assert outcome is Outcome.REFUSED
    assert steps == [HangUp(Leg.CALLER, REJECTED)]
