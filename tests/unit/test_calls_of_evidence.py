"""Calls as all evidence together says: histories that carriers really send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.timeline import Snapshot, build_timeline
from tests.support.calls_in_short import PARTIES, Attributes, at, calls_of, told

WHOLE = "1A@1 2R@2 2A@5 1H@20 2H@20 PH@20"
LATER = "1A@60 2R@62 2A@65 1H@80 2H@80 PH@80"
PH = 5


def assert_one_paid_talk(calls: list[Call]) -> None:
    """Check that calls are the one of `WHOLE`, with something amiss."""
    [call] = calls
    assert (call.outcome, call.certainty, call.is_over) == (
        "connected",
        "inferred",
        True,
    )
    assert (call.talk_seconds, call.billed_seconds) == (15, 60)
    assert call.amount == Decimal("0.02")


def test_a_whole_call_is_certain() -> None:
    [call] = calls_of(told(WHOLE))

    assert (call.outcome, call.certainty) == ("connected", "certain")
    assert (call.answered_at, call.ended_at) == (at(5), at(20))


@pytest.mark.parametrize(
    "text",
    ["1A@1 2R@2 1H@20 2H@20 2A@21 PH@21", "1A@1 2R@2 1H@20 2A@20 2H@20 PH@20"],
)
def test_an_answer_that_is_stamped_late_is_of_the_same_call(text: str) -> None:
    assert_one_paid_talk(calls_of(told(text)))


@pytest.mark.parametrize(
    "altered",
    [
        {
            "SequenceNumber": "7",
            "EventTimestamp": "2026-11-26 12:00:21",
            "Amount": "0.03",
        },
        {"Amount": "0.03"},
        {"EventTimestamp": "2026-11-26 12:00:22"},
        {"BilledDuration": "120"},
        {"Duration": "14"},
        {"From": ""},
        {"PlivoHangupCause": "other"},
    ],
    ids=repr,
)
def test_the_end_of_a_call_that_comes_again_counts_once(altered: Attributes) -> None:
    callbacks = told(WHOLE)

    [call] = calls_of([*callbacks, {**callbacks[PH], **altered}])

    assert (call.outcome, call.certainty) == ("connected", "inferred")
    assert call.amount in (Decimal("0.02"), Decimal("0.03"))
    assert call.billed_seconds in (60, 120)


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("later", [0, 1, 2])
def test_any_callback_may_come_twice(place: int, later: int) -> None:
    callbacks = told(WHOLE)
    again = {
        **callbacks[place],
        "SequenceNumber": "9",
        "EventTimestamp": f"{at((1, 2, 5, 20, 20, 20)[place] + later)}"[:19],
    }

    assert_one_paid_talk(calls_of([*callbacks, again]))


@pytest.mark.parametrize(
    "text",
    ["1A@1 2R@2 2A@5 1H@20 1H@21 2H@21 PH@21", "1A@1 2R@2 2R@6 2A@5 1H@20 2H@20 PH@20"],
)
def test_a_fact_that_is_told_twice_is_no_call_of_its_own(text: str) -> None:
    [call] = calls_of(told(text))

    assert (call.outcome, call.certainty) == ("connected", "inferred")


@pytest.mark.parametrize("lost", range(6))
def test_one_callback_that_is_lost_changes_no_outcome(lost: int) -> None:
    callbacks = told(WHOLE)
    del callbacks[lost]

    [call] = calls_of(callbacks)

    assert (call.outcome, call.certainty, call.is_over) == (
        "connected",
        "inferred",
        True,
    )
    assert call.talk_seconds == 15


@pytest.mark.parametrize("lost", range(12))
def test_one_that_is_lost_of_two_calls_leaves_two(lost: int) -> None:
    callbacks = told(f"{WHOLE} {LATER}")
    del callbacks[lost]

    calls = calls_of(callbacks)

    assert [call.outcome for call in calls] == ["connected", "connected"]
    assert "inferred" in {call.certainty for call in calls}
    assert calls[lost // 6].certainty == "inferred"


WRITINGS: list[tuple[str, Callable[[datetime], str]]] = [
    ("dashes", lambda when: f"{when:%Y-%m-%d, %H-%M-%S}"),
    ("slashes", lambda when: f"{when:%Y/%m/%d %H:%M:%S}"),
    ("epoch", lambda when: str(int(when.timestamp()))),
    ("milliseconds", lambda when: f"{int(when.timestamp())}000"),
    ("RFC 1123", lambda when: f"{when:%a, %d %b %Y %H:%M:%S GMT}"),
    ("UTC labeled", lambda when: f"{when:%Y-%m-%d %H:%M:%S} +0000 IST"),
]


@pytest.mark.parametrize(("name", "write"), WRITINGS)
def test_times_in_other_writings_are_read(
    name: str, write: Callable[[datetime], str]
) -> None:
    callbacks = told(WHOLE)
    for each, second in zip(callbacks, (1, 2, 5, 20, 20, 20), strict=True):
        each["EventTimestamp"] = write(at(second))

    calls = calls_of(callbacks)

    assert name
    assert_one_paid_talk(calls)
    assert (calls[0].answered_at, calls[0].ended_at) == (at(5), at(20))


@pytest.mark.parametrize(
    "text", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"]
)
def test_a_call_without_times_has_those_of_receipt(text: str) -> None:
    callbacks = [{**each, "EventTimestamp": text} for each in told(WHOLE)]

    [call] = calls_of(callbacks)

    assert (call.outcome, call.certainty) == ("connected", "inferred")
    assert call.amount == Decimal("0.02")


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        f"{WHOLE} 1A@20 2R@20 2A@23 1H@38 2H@38 PH@38",
        "1A@1 2R@2 2A@5 1A@10 2R@11 2A@14 1H@20 2H@20 PH@20 1H@29 2H@29 PH@29",
    ],
    ids=["touching", "overlapping"],
)
def test_calls_that_touch_or_overlap_are_two(text: str, *, numbered: bool) -> None:
    calls = calls_of(told(text, numbered=numbered))

    assert [call.outcome for call in calls] == ["connected", "connected"]
    assert [call.talk_seconds for call in calls] == [15, 15]
    assert [call.amount for call in calls] == [Decimal("0.02"), Decimal("0.02")]
    assert [len(call.digests) for call in calls] == [6, 6]


def test_a_call_that_nobody_answered_is_not_cancelled() -> None:
    callbacks = told("1A@1 2R@2 1H@32 2H@32 PH@32")
    callbacks[2] |= {"Duration": "31", "BilledDuration": "60", "Amount": "0.01"}
    callbacks[3] |= {"PlivoHangupCauseCode": "6010", "Duration": "0"}
    callbacks[4] |= {"Amount": "0.01", "Duration": "31"}

    [call] = calls_of(callbacks)

    assert (call.outcome, call.hangup_code) == ("no_answer", 6010)
    assert (call.talk_seconds, call.amount) == (0, Decimal("0.01"))


def test_a_call_costs_what_its_legs_cost_together() -> None:
    callbacks = told(WHOLE)
    callbacks[3] |= {"Amount": "0.01", "BilledDuration": "60"}
    callbacks[4] |= {"Amount": "0.02", "BilledDuration": "60"}

    [call] = calls_of(callbacks)

    assert (call.amount, call.billed_seconds) == (Decimal("0.03"), 120)
    assert call.certainty == "inferred"


@pytest.mark.parametrize(
    "proof",
    [
        {"EventName": "SessionSecondPartyHangup", "Duration": "15"},
        {"EventName": "SessionSecondPartyHangup", "BilledDuration": "60"},
        {"EventName": "SessionRecordingCompleted", "RecordingUUID": "r-1"},
        {"EventName": "SessionPartiesHangup", "Amount": "0.02"},
        {"EventName": "SessionPartiesHangup", "Duration": "15"},
    ],
    ids=repr,
)
def test_evidence_of_talk_is_never_cancelled(proof: Attributes) -> None:
    callback = {"EventTimestamp": "2026-11-26 12:00:20", "From": "12025550100"}

    [call] = calls_of([{**callback, **proof}])

    assert (call.outcome, call.certainty) == ("connected", "inferred")


def test_what_cannot_be_told_is_unknown() -> None:
    [call] = calls_of(told("1A@1 1H@20", numbered=False))

    assert (call.outcome, call.certainty) == ("unknown", "inferred")
    assert (call.talk_seconds, call.amount) == (None, None)


RECORD: dict[str, Any] = {
    "start_time": "2026-11-26T12:00:01Z",
    "end_time": "2026-11-26T12:00:20Z",
    "total_call_amount": "0.02",
    "call_billed_duration": 60,
    "first_party_leg": {
        "answer_time": "2026-11-26T12:00:01Z",
        "end_time": "2026-11-26T12:00:20Z",
        "hangup_cause_code": 4000,
    },
    "second_party_leg": {
        "answer_time": "2026-11-26T12:00:05Z",
        "end_time": "2026-11-26T12:00:20Z",
        "duration": 15,
        "hangup_cause_code": 4000,
    },
}


@pytest.mark.parametrize("kept", range(7))
def test_settled_calls_are_plivos_whatever_callbacks_are_lost(kept: int) -> None:
    final = Snapshot(EARLIEST, interactions=[RECORD], final=True)

    [call] = calls_of(told(WHOLE)[:kept], final)

    assert (call.outcome, call.certainty, call.is_over) == (
        "connected",
        "settled",
        True,
    )
    assert (call.started_at, call.answered_at, call.ended_at) == (at(1), at(5), at(20))
    assert (call.talk_seconds, call.billed_seconds) == (15, 60)
    assert call.amount == Decimal("0.02")


def test_settled_calls_are_as_many_as_plivos() -> None:
    final = Snapshot(EARLIEST, interactions=[RECORD], final=True)

    [call] = calls_of(told("1A@1 2R@2 2A@5 1A@10 1H@20 2H@20 PH@20 PH@20"), final)

    assert len(call.digests) == 8


def test_a_settled_call_that_nobody_answered_is_so_whatever_callbacks_say() -> None:
    busy = {
        **RECORD,
        "second_party_status": "busy",
        "call_billed_duration": 0,
        "total_call_amount": "0",
        "second_party_leg": {"hangup_cause_code": 3010},
    }
    final = Snapshot(EARLIEST, interactions=[busy], final=True)

    [call] = calls_of(told(WHOLE), final)

    assert (call.outcome, call.talk_seconds, call.amount) == ("busy", 0, Decimal(0))
    assert call.answered_at is None


def test_callers_that_differ_are_of_different_calls() -> None:
    first, second = told("1A@1 2R@2 2A@3"), told("1A@4 2R@4 2A@5 1H@20 2H@20 PH@20")
    for each in second:
        each |= {"From": "12025550101", "To": "12025550100"}

    calls = calls_of([*first, *second])

    assert [call.caller for call in calls] == ["first", "second"]
    assert [len(call.digests) for call in calls] == [3, 6]


def test_the_end_of_a_leg_is_of_the_call_that_its_duration_reaches_to() -> None:
    outer, inner = "1A@1 2R@2 2A@5", "1A@10 2R@11 2A@14 1H@29 2H@29 PH@29"
    callbacks = told(f"{outer} {inner} 1H@60 2H@60 PH@60", numbered=False)
    for each, seconds in zip(callbacks[6:], (19, 15, 15, 59, 55, 55), strict=True):
        each["Duration"] = str(seconds)

    calls = calls_of(callbacks)

    assert [call.talk_seconds for call in calls] == [55, 15]
    assert [call.ended_at for call in calls] == [at(60), at(29)]


def test_a_caller_who_redials_at_once_makes_another_call() -> None:
    short, again = "1A@1 2R@1 1H@2 2H@2 PH@2", "1A@3 2R@3 2A@5 1H@20 2H@20 PH@20"
    callbacks = told(f"{short} {again}", numbered=False)
    callbacks[3] |= {"PlivoHangupCauseCode": "3010", "Duration": "0"}
    callbacks[4] |= {"PlivoHangupCauseCode": "3010", "Duration": "0", "Amount": "0"}

    calls = calls_of(callbacks)

    assert [call.outcome for call in calls] == ["busy", "connected"]
    assert [len(call.digests) for call in calls] == [5, 6]


def test_who_lost_a_number_has_the_one_that_is_missing() -> None:
    callbacks = told("1A@1 2R@1 1H@1 2H@1 PH@1 1A@2 2R@2 2A@2 1H@9 2H@9 PH@9")
    del callbacks[2]["SequenceNumber"]

    calls = calls_of(callbacks)

    assert [len(call.digests) for call in calls] == [5, 6]
    assert {call.certainty for call in calls} == {"inferred"}


def test_who_lost_its_time_happened_between_its_neighbors() -> None:
    callbacks = told(f"{WHOLE} {LATER}")
    del callbacks[PH]["EventTimestamp"]
    events = [
        CallbackEvent(f"{n:064x}", each, "2026-11-26T13:00:00.000000Z")
        for n, each in enumerate(callbacks)
    ]

    calls = build_timeline(events, PARTIES).calls

    assert [len(call.digests) for call in calls] == [6, 6]
    assert calls[0].amount == Decimal("0.02")


def test_a_start_that_is_told_again_late_in_its_call_is_part_of_it() -> None:
    callbacks = told(WHOLE)
    again = {**callbacks[0], "EventTimestamp": "2026-11-26 12:00:09"}

    assert_one_paid_talk(calls_of([*callbacks, again]))


def test_an_end_long_after_a_call_is_another_call() -> None:
    callbacks = told("1A@1 2R@2 2A@5 1H@20 PH@300", numbered=False)
    for name in ("Duration", "BilledDuration"):
        del callbacks[-1][name]

    calls = calls_of(callbacks)

    assert [call.ended_at for call in calls] == [at(20), at(300)]
    assert [call.outcome for call in calls] == ["connected", "connected"]


def test_a_leg_that_failed_outweighs_the_bill_of_the_whole_call() -> None:
    callbacks = told("1A@1 2R@2 1H@32 2H@32 PH@32")
    callbacks[3] |= {"PlivoHangupCauseCode": "3010", "Duration": "0"}

    [call] = calls_of(callbacks)

    assert (call.outcome, call.talk_seconds) == ("busy", 0)


def test_nothing_is_certain_where_a_number_is_missing_between_calls() -> None:
    callbacks = told(f"{WHOLE} {LATER}")
    for each in callbacks[6:]:
        each["SequenceNumber"] = str(int(each["SequenceNumber"]) + 1)

    calls = calls_of(callbacks)

    assert [call.certainty for call in calls] == ["inferred", "inferred"]


@pytest.mark.parametrize("name", ["Amount", "BilledDuration"])
@pytest.mark.parametrize("value", ["x", "", "0"])
def test_what_one_copy_of_a_callback_does_not_say_another_does(
    name: str, value: str
) -> None:
    callbacks = told(WHOLE)
    worse = {**callbacks[PH], name: value}

    for order in ([*callbacks, worse], [worse, *callbacks]):
        assert_one_paid_talk(calls_of(order))


ODD = [
    {"EventTimestamp": "0001-01-01T00:00:00+14:00"},
    {"EventTimestamp": "9999-12-31T23:59:59-01:00"},
    {"Amount": "1e1000000"},
    {"Amount": "9" * 5_001, "Duration": "9" * 5_001},
    {"Duration": "999999999", "BilledDuration": "-1"},
    {"SequenceNumber": "9" * 5_001, "PlivoHangupCauseCode": "1_000"},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_odd_value_is_not_known_and_takes_nothing_with_it(odd: Attributes) -> None:
    callbacks = told(f"{WHOLE} {LATER}")
    callbacks[PH] |= odd

    calls = calls_of(callbacks)

    assert [call.outcome for call in calls] == ["connected", "connected"]
    assert calls[1].amount == Decimal("0.02")


def test_the_leg_of_a_second_party_who_calls_is_the_callers() -> None:
    callbacks = told("2A@1 2H@20 1H@20 PH@20")
    for each in callbacks:
        each |= {"From": "12025550101", "To": "12025550100"}
    callbacks[1] |= {"Duration": "19", "BilledDuration": "60", "Amount": "0.02"}
    nobody = {"Duration": "0", "BilledDuration": "0", "Amount": "0"}
    callbacks[2] |= {"PlivoHangupCauseCode": "6010", **nobody}
    callbacks[3] |= {"PlivoHangupCauseCode": "6010", "Duration": "0"}

    assert [call.outcome for call in calls_of(callbacks)] == ["no_answer"]


def test_an_answer_of_the_second_party_is_of_who_was_called_by_the_first() -> None:
    assert [call.outcome for call in calls_of(told("2A@5"))] == ["talking"]
