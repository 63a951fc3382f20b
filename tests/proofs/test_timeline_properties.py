"""The fold of any set: order, repetition and loss change nothing that they must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from masking.domain.callback_event import CallbackEvent
from masking.domain.plivo_events import PLACES
from masking.domain.timeline import (
    CERTAIN,
    INFERRED,
    SETTLED,
    Snapshot,
    Timeline,
    build_timeline,
)

FIRST = "+12025550100"
SECOND = "+12025550101"
PARTIES = {"first": FIRST, "second": SECOND}
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

NAMES = [*PLACES, "SessionTimeout", "SessionVirtualNumberReplaced", "SomethingNew"]

ATTRIBUTES = st.fixed_dictionaries(
    {"EventName": st.sampled_from(NAMES)},
    optional={
        "EventTimestamp": st.one_of(
            st.integers(0, 20).map(lambda s: f"2026-03-01 12:00:{s:02d}"),
            st.sampled_from(["", "yesterday", "2026-03-01T12:00:05Z"]),
        ),
        "SequenceNumber": st.one_of(
            st.integers(0, 9).map(str), st.sampled_from(["", "x", "-1", "٣"])
        ),
        "From": st.sampled_from(["12025550100", "12025550101", "12025550102", ""]),
        "To": st.sampled_from(["12025550101", "12025550100", "anonymous"]),
        "VirtualNumber": st.sampled_from(["12025550180", "12025550181", "nonsense"]),
        "PinAuthenticationStatus": st.sampled_from(["success", "failed", "other", ""]),
        "PinRetryCounter": st.sampled_from(["0", "1", "many"]),
        "Amount": st.sampled_from(["0.01", "NaN", "Infinity", "1e999999", "free"]),
        "BilledDuration": st.sampled_from(["60", "-60", "1e3", ""]),
        "PlivoHangupCauseCode": st.sampled_from(["4000", "3010", "77777", "no", ""]),
        "RecordingUUID": st.sampled_from(["r-1", "r-2"]),
    },
)
SETS = st.lists(ATTRIBUTES, max_size=14, unique_by=lambda a: tuple(sorted(a.items())))


def _events_of(chosen: list[dict[str, str]]) -> list[CallbackEvent]:
    return [
        CallbackEvent(f"{n:064x}", attributes) for n, attributes in enumerate(chosen)
    ]


def _told(events: list[CallbackEvent]) -> Timeline:
    return build_timeline(events, PARTIES, virtual_number="+12025550199")


@settings(max_examples=400, deadline=None)
@given(chosen=SETS, data=st.data())
def test_any_order_repetition_and_lateness_gives_the_same(
    chosen: list[dict[str, str]], data: st.DataObject
) -> None:
    events = _events_of(chosen)
    places = st.lists(st.integers(0, max(len(events) - 1, 0)))
    again = [events[n] for n in data.draw(places) if events]
    arrived = data.draw(st.permutations([*events, *again]))

    assert _told(arrived) == _told(events)


@settings(max_examples=400, deadline=None)
@given(chosen=SETS)
def test_any_set_gives_a_sensible_state(chosen: list[dict[str, str]]) -> None:
    events = _events_of(chosen)

    story = _told(events)

    of_calls = [h.digest for h in events if h.is_of_call]
    divided = [digest for call in story.calls for digest in call.digests]
    assert sorted(divided) == sorted(of_calls)
    assert len(story.history) == len(events)
    assert [call.ordinal for call in story.calls] == list(
        range(1, len(story.calls) + 1)
    )
    assert story.amount.is_finite()
    assert story.virtual_number in ("+12025550199", "+12025550180", "+12025550181")
    for call in story.calls:
        assert call.digests
        assert call.talk_seconds is None or call.talk_seconds >= 0
        assert call.ring_seconds is None or call.ring_seconds >= 0
        assert call.caller in ("first", "second", "unknown", "anonymous", None)
        assert call.billed_seconds is None or call.billed_seconds >= 0
        # Talk is known by a bill or a recording as well, though not since when.
        assert (call.outcome == "connected") >= (
            call.is_over and call.answered_at is not None
        )


def _event(name: str, second: int, sequence: int, **more: str) -> dict[str, str]:
    return {
        "EventName": name,
        "EventTimestamp": f"2026-03-01 12:00:{second:02d}",
        "SequenceNumber": str(sequence),
        "From": "12025550100",
        "To": "12025550101",
        **more,
    }


def _call(start: int, sequence: int) -> list[dict[str, str]]:
    normal = {"PlivoHangupCauseCode": "4000", "PlivoHangupCause": "Normal Hangup"}
    return [
        _event("SessionFirstPartyAnswer", start, sequence),
        _event("SessionSecondPartyRing", start, sequence + 1),
        _event("SessionSecondPartyAnswer", start + 2, sequence + 2),
        _event("SessionSecondPartyHangup", start + 7, sequence + 3, **normal),
        _event("SessionFirstPartyHangup", start + 7, sequence + 4, **normal),
        _event(
            "SessionPartiesHangup",
            start + 7,
            sequence + 5,
            Amount="0.017",
            BilledDuration="120",
            **normal,
        ),
    ]


def test_a_whole_call_is_told_in_all_that_plivo_says() -> None:
    [call] = _told(_events_of(_call(0, 1))).calls

    assert call.certainty == CERTAIN
    assert (call.caller, call.callee) == ("first", "second")
    assert call.outcome == "connected"
    assert (call.ring_seconds, call.talk_seconds) == (2, 5)
    assert call.hung_up_by == "second"
    assert call.hangup_meaning == "a party hung up"
    assert (call.billed_seconds, call.amount) == (120, Decimal("0.017"))


def test_calls_that_meet_within_a_second_are_inferred() -> None:
    apart = _told(_events_of([*_call(0, 1), *_call(20, 7)]))
    touching = _told(_events_of([*_call(0, 1), *_call(7, 7)]))

    assert [call.certainty for call in apart.calls] == [CERTAIN, CERTAIN]
    assert [call.certainty for call in touching.calls] == [INFERRED, INFERRED]


def test_a_call_of_which_something_is_missing_is_inferred() -> None:
    whole = _call(0, 1)

    [call] = _told(_events_of([whole[0], *whole[2:]])).calls

    assert call.certainty == INFERRED
    assert call.outcome == "connected"


def test_a_final_snapshot_with_as_many_calls_settles_them() -> None:
    events = _events_of([*_call(0, 1), *_call(20, 7)])
    interactions: list[dict[str, Any]] = [
        {
            "start_time": "2026-03-01 12:00:20 +0000 UTC",
            "call_billed_duration": 30,
            "total_call_amount": 0.025,
        },
        {
            "start_time": "2026-03-01 12:00:00.5 +0000 UTC",
            "call_billed_duration": 60,
            "total_call_amount": "0.05",
        },
    ]
    early = Snapshot(AT, interactions=interactions[:1], amount=Decimal(9))
    final = Snapshot(
        AT + timedelta(hours=1),
        interactions=interactions,
        amount=Decimal("0.075"),
        billed_seconds=90,
        final=True,
    )

    story = build_timeline(events, PARTIES, snapshots=[final, early])

    assert [call.certainty for call in story.calls] == [SETTLED, SETTLED]
    assert [call.billed_seconds for call in story.calls] == [60, 30]
    assert [str(call.amount) for call in story.calls] == ["0.05", "0.025"]
    assert (story.amount, story.billed_seconds) == (Decimal("0.075"), 90)


def test_the_number_is_the_last_that_replaced_another_or_plivos_newer_answer() -> None:
    replaced = "SessionVirtualNumberReplaced"
    events = _events_of(
        [
            _event(replaced, 9, 2, VirtualNumber="12025550181"),
            _event(replaced, 5, 1, VirtualNumber="12025550180"),
        ]
    )
    older = Snapshot(AT + timedelta(seconds=7), virtual_number="+12025550180")
    newer = Snapshot(AT + timedelta(seconds=30), virtual_number="+12025550188")

    assert build_timeline(events, PARTIES).virtual_number == "+12025550181"
    told = build_timeline(events, PARTIES, snapshots=[older])
    assert told.virtual_number == "+12025550181"
    told = build_timeline(events, PARTIES, snapshots=[newer, older])
    assert told.virtual_number == "+12025550188"
