"""Each rule by which callbacks are gathered into calls, where it alone decides.

`make calls-mutants` takes a rule out and expects one of these to fail, or a history.
"""

from __future__ import annotations

from masking.domain import hangup_causes
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.timeline import Snapshot, build_timeline
from tests.support.calls_in_short import PARTIES, Attributes, at, calls_of, told

COSTS = ("Duration", "BilledDuration", "Amount")


def of_legs(text: str, *seconds: int) -> list[Attributes]:
    """Return callbacks without numbers; their ends have these durations, in order."""
    callbacks = told(text, numbered=False)
    ends = [each for each in callbacks if each["EventName"].endswith("Hangup")]
    for each, duration in zip(ends, seconds, strict=True):
        each["Duration"] = str(duration)
    return callbacks


def without_costs(text: str) -> list[Attributes]:
    """Return callbacks without numbers, whose ends say nothing but their time."""
    callbacks = told(text, numbered=False)
    return [
        {name: value for name, value in each.items() if name not in COSTS}
        for each in callbacks
    ]


def with_wrong_pin(text: str) -> list[Attributes]:
    """Return callbacks without numbers, before them that of a PIN that was wrong."""
    callbacks = told(text, numbered=False)
    entered = {
        **callbacks[0],
        "EventName": "SessionPinAuthenticationStatus",
        "PinAuthenticationStatus": "failed",
    }
    return [entered, *callbacks]


def test_an_end_belongs_to_the_call_that_its_duration_reaches() -> None:
    begun = "1A@1 2R@2 2A@4 1A@5 2R@6 2A@8"

    calls = calls_of(of_legs(f"{begun} 1H@29 2H@29 1H@60 2H@60", 24, 21, 59, 56))

    assert [call.ended_at for call in calls] == [at(60), at(29)]
    assert [call.talk_seconds for call in calls] == [56, 21]


def test_a_duration_belies_a_call_that_was_answered_at_another_time() -> None:
    begun = "1A@1 2R@2 2A@12 VA@15 2R@16"

    calls = calls_of(of_legs(f"{begun} 1H@60 2H@60 1H@70 2H@70", 45, 0, 69, 58))

    assert [call.ended_at for call in calls] == [at(70), at(60)]
    assert [call.talk_seconds for call in calls] == [58, 0]


def test_of_two_open_calls_an_end_is_of_the_one_that_has_its_leg() -> None:
    lost_its_caller = "VA@10 2R@11 2A@14"

    calls = calls_of(
        without_costs(f"1A@1 2R@2 2A@5 {lost_its_caller} 1H@30 2H@30 2H@40 PH@40")
    )

    assert [call.ended_at for call in calls] == [at(30), at(40)]


def test_an_end_of_another_time_and_duration_is_another_calls() -> None:
    callbacks = of_legs("1A@1 2R@2 2A@5 1H@20 2H@20 PH@20 1H@22", 19, 15, 15, 8)
    for each, amount in zip(
        callbacks[-4:], ("0.01", "0.01", "0.02", "0.01"), strict=True
    ):
        each |= {"BilledDuration": "60", "Amount": amount}

    calls = calls_of(callbacks)

    assert [str(call.amount) for call in calls] == ["0.02", "0.01"]


def test_a_call_in_which_nobody_talks_is_over_after_a_while() -> None:
    rings, talks = "1A@1 2R@2", "1A@200 2R@201 2A@205 1H@220 2H@220"
    lost_its_start = "2R@300 2A@303 1H@310 2H@310"

    calls = calls_of(without_costs(f"{rings} {talks} {lost_its_start}"))

    assert [call.answered_at for call in calls][1:] == [at(205), at(303)]
    assert [call.ended_at for call in calls] == [None, at(220), at(310)]


def test_of_two_open_calls_the_newest_ends_if_only_one_will() -> None:
    calls = calls_of(without_costs("1A@1 2R@2 2A@5 1A@60 2R@62 2A@65 1H@80 2H@80"))

    assert [call.ended_at for call in calls] == [None, at(80)]


def test_of_two_open_calls_the_older_ends_first_if_both_will() -> None:
    begun = "1A@1 2R@2 2A@5 1A@60 2R@62 2A@65"

    calls = calls_of(without_costs(f"{begun} 1H@80 2H@80 1H@90 2H@90"))

    assert [call.ended_at for call in calls] == [at(80), at(90)]


def test_a_callback_soon_after_a_call_begins_another_if_more_follows() -> None:
    whole = "1A@1 2R@2 2A@5 1H@20 2H@20 PH@20"

    calls = calls_of(without_costs(f"{whole} 2R@22 2A@25 1H@40 2H@40 PH@40"))

    assert [call.answered_at for call in calls] == [at(5), at(25)]
    assert [len(call.digests) for call in calls] == [6, 5]


def test_a_callback_soon_after_a_call_is_late_if_nothing_follows() -> None:
    calls = calls_of(without_costs("1A@1 2R@2 2A@5 1H@20 2H@20 PH@20 2R@22"))

    assert [len(call.digests) for call in calls] == [7]


def test_nothing_happens_after_it_was_told() -> None:
    callbacks = told("1A@1 2R@2 2A@5 1H@20 2H@20 PH@20 1A@60 2R@62 2A@65 1H@80 PH@80")
    # The second call's other end is lost; the first call's has its number, and no time.
    callbacks[10]["SequenceNumber"] = "12"
    callbacks[3] |= {"SequenceNumber": "11", "EventTimestamp": ""}
    received = [
        each["EventTimestamp"] or f"{at(20):%Y-%m-%d %H:%M:%S}" for each in callbacks
    ]
    events = [
        CallbackEvent(f"{n:064x}", each, f"{when.replace(' ', 'T')}.500000Z")
        for n, (each, when) in enumerate(zip(callbacks, received, strict=True))
    ]

    calls = build_timeline(events, PARTIES).calls

    assert f"{3:064x}" in calls[0].digests
    assert [len(call.digests) for call in calls] == [6, 5]


def test_nobody_talked_where_all_that_is_paid_is_the_callers_leg() -> None:
    callbacks = told("1A@1 1H@20 PH@20", numbered=False)
    for end in callbacks[1:]:
        end |= {"Duration": "19", "BilledDuration": "60", "Amount": "0.01"}

    [call] = calls_of(callbacks)

    assert (call.outcome, call.talk_seconds) == ("unknown", None)


def test_nobody_talked_after_a_wrong_pin() -> None:
    [call] = calls_of(with_wrong_pin("1A@1 PH@20"))

    assert (call.outcome, call.talk_seconds) == ("pin_failed", None)


def test_who_gives_up_after_a_wrong_pin_has_failed_by_it() -> None:
    record = {
        "start_time": "2026-11-26T12:00:01Z",
        "end_time": "2026-11-26T12:00:20Z",
        "first_party_leg": {"hangup_cause_code": hangup_causes.GAVE_UP},
    }
    final = Snapshot(EARLIEST, interactions=[record], final=True)

    [call] = calls_of(with_wrong_pin("1A@1 1H@20"), final)

    assert (call.outcome, call.certainty) == ("pin_failed", "settled")


def test_the_leg_that_was_up_alone_is_the_callers() -> None:
    # The second party called, waited and gave up.
    record = {
        "start_time": "2026-11-26T12:00:01Z",
        "end_time": "2026-11-26T12:00:20Z",
        "first_party_status": "no-answer",
        "first_party_leg": {"duration": 0},
        "second_party_status": "cancel",
        "second_party_leg": {"answer_time": "2026-11-26T12:00:01Z", "duration": 19},
    }
    final = Snapshot(EARLIEST, interactions=[record], final=True)

    [call] = calls_of([], final)

    assert (call.outcome, call.certainty) == ("no_answer", "settled")
