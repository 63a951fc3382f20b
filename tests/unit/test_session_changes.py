"""What the events of a session's change say, and in which order they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from masking.api.timeline_views import call_view
from masking.domain import bus_events, session_changes, transitions
from masking.domain.sessions import Session
from masking.lifecycle.call_ended import LATE
from masking.storage import session_items, timelines
from masking.storage.timelines import callback_event_from
from tests.support.api_answers import callback
from tests.support.session_states import ASKED, NOW, active, answered

HOOK = "https://app.example.com/hook"
TUNE = "https://app.example.com/a.mp3"


def updated(session: Session, changes: dict[str, Any], **settings: Any) -> Session:
    """Return a session after an update that Plivo answered with *settings*."""
    begun = transitions.begin_update(session, changes, NOW)
    answer = answered(settings={**answered().settings, **settings})
    return transitions.finish_update(begun, answer)


# What changed


@pytest.mark.parametrize(
    ("changes", "settings", "named"),
    [
        ({"call_time_limit": 60}, {"call_time_limit": 60}, ["call_time_limit"]),
        ({"record": True}, {"record": True}, ["record"]),
        ({"labels": {"order": "B"}}, {}, ["labels"]),
        ({"labels": {}}, {}, ["labels"]),
        ({"recording_retention_days": 30}, {}, ["recording_retention_days"]),
        ({"callback_url": HOOK}, {}, ["callback_url"]),
        ({"first_party_play_url": TUNE}, {"first_party_play_url": TUNE},
         ["first_party_play_url"]),
        ({"callback_url": None}, {}, []),
        ({"record": False}, {"record": False}, []),
        ({"labels": {"order": "A-17"}}, {}, []),
    ],
)  # fmt: skip
def test_an_update_names_the_attributes_that_have_another_value(
    changes: dict[str, Any], settings: dict[str, Any], named: list[str]
) -> None:
    session = active()

    after = updated(session, changes, **settings)

    assert session_changes.changed_names(session, after) == named


def test_a_new_expiry_is_named_as_the_session_shows_it() -> None:
    session = active()
    begun = transitions.begin_update(session, {"session_expiry": 7200}, NOW)
    later = NOW + timedelta(hours=2)
    answer = answered(expiry_time=later, totals={"duration": 7200})

    after = transitions.finish_update(begun, answer)

    assert session_changes.changed_names(begun, after) == ["duration", "expiry_time"]


def test_totals_that_moved_meanwhile_are_no_update() -> None:
    begun = transitions.begin_update(active(), {"record": False}, NOW)
    answer = answered(totals={"duration": 3600, "total_call_amount": "0.02"})

    after = transitions.finish_update(begun, answer)

    assert session_changes.types_of_change(begun, after) == []


# What is unset


@pytest.mark.parametrize("name", ["first_party_play_url", "second_party_play_url"])
def test_a_url_that_was_unset_stays_so_whatever_was_asked_for_at_first(
    name: str,
) -> None:
    session = active(asked={**ASKED, name: TUNE})

    after = updated(session, {name: None})
    settled = transitions.settle(after, answered(), [], NOW)

    assert session.settings[name] == TUNE
    assert after.settings[name] is None
    assert settled.settings[name] is None
    assert session_changes.changed_names(session, after) == [name]


def test_a_url_may_be_set_again_to_what_was_asked_for_at_first() -> None:
    name = "first_party_play_url"
    session = active(asked={**ASKED, name: TUNE})

    unset = updated(session, {name: None})
    again = updated(unset, {name: TUNE}, **{name: TUNE})
    later = updated(again, {"record": True}, **{name: TUNE, "record": True})

    assert again.settings[name] == later.settings[name] == TUNE
    assert session_changes.changed_names(unset, again) == [name]


def test_a_url_that_plivo_did_not_unset_after_all_is_still_there() -> None:
    name = "first_party_play_url"
    session = active(asked={**ASKED, name: TUNE})

    after = updated(session, {name: None}, **{name: TUNE})

    assert after.settings[name] == TUNE


# What became of an update of unknown outcome


@pytest.mark.parametrize(
    ("changes", "settings", "outcome"),
    [
        ({"record": True}, {"record": True}, "updated"),
        ({"record": True}, {"record": False}, "not_updated"),
        ({"record": True, "ring_timeout": 9}, {"record": True}, "partly_updated"),
        ({"labels": {"a": "b"}}, {}, "updated"),
        ({"first_party_play_url": None}, {}, "updated"),
        ({"session_expiry": 3600}, {}, "updated"),
        ({"session_expiry": 7200}, {}, "not_updated"),
    ],
)
def test_a_repair_says_what_became_of_the_update(
    changes: dict[str, Any], settings: dict[str, Any], outcome: str
) -> None:
    begun = transitions.begin_update(active(), changes, NOW)
    answer = answered(settings={**answered().settings, **settings})
    after = transitions.repaired(
        transitions.finish_update(begun, answer), "update_checked"
    )

    event = bus_events.event_of_session(
        "reconciliation.repaired", after, "2026-03-01T12:00:00Z", begun
    )

    update = event.data["update"]
    assert update["outcome"] == outcome
    assert sorted(update["changed"] + update["unchanged"]) == sorted(changes)


def test_of_a_session_that_plivo_has_no_more_the_outcome_is_unknown() -> None:
    begun = transitions.begin_update(active(), {"record": True}, NOW)

    gone = transitions.expire(begun, NOW)

    assert session_changes.end_of_update(begun, gone)["outcome"] == "unknown"


def test_a_repair_that_had_no_update_to_do_with_says_nothing_of_one() -> None:
    before = active()
    after = transitions.note(before, "orphan_removed")

    event = bus_events.event_of_session("reconciliation.repaired", after, "", before)

    assert "update" not in event.data


# Numbers that replace each other


def replacements(*numbers: str) -> list[dict[str, Any]]:
    """Return callbacks by which Plivo replaced a number by each of these in turn."""
    return [
        callback(at, "SessionVirtualNumberReplaced", VirtualNumber=number)
        for at, number in enumerate(numbers, start=1)
    ]


@pytest.mark.parametrize("renumbered", [False, True])
def test_a_replaced_number_has_its_predecessor_however_late_it_is_published(
    renumbered: bool,
) -> None:
    items = replacements("12025550181", "12025550182")
    session = active()
    if renumbered:
        for number in ("+12025550181", "+12025550182"):
            session = transitions.renumber(session, number)
    timeline = timelines.timeline_of(items, session)

    old = [
        session_changes.number_before(callback_event_from(item), timeline, session)
        for item in items
    ]

    assert old == ["+12025550180", "+12025550181"]


def test_the_first_number_is_kept_also_if_plivos_answer_tells_of_the_next() -> None:
    session = updated(active(), {"record": False})
    moved = replace(answered(), virtual_number="+12025550181")
    begun = transitions.begin_update(session, {"record": False}, NOW)

    after = transitions.finish_update(begun, moved)
    kept = session_items.session_from(session_items.state_item(after, 0))

    assert session.former_number is None
    assert kept.former_number == "+12025550180"
    assert "virtual_number" in session_changes.changed_names(session, after)


# Unknown callers


STRANGER = "12025550166"
LOCKED = {"is_pin_authentication_required": True}
REFUSED_CALL = [
    callback(
        1,
        "SessionPinAuthenticationStatus",
        PinAuthenticationStatus="failed",
        From=STRANGER,
    ),
    callback(2, "SessionFirstPartyHangup", From=STRANGER),
    callback(3, "SessionPartiesHangup", From=STRANGER),
]
WRONG_PIN, _, OVER = REFUSED_CALL
HUNG_UP = [callback(2, "SessionFirstPartyHangup", From=STRANGER), OVER]
LET_IN = [
    callback(
        1,
        "SessionPinAuthenticationStatus",
        PinAuthenticationStatus="success",
        From=STRANGER,
    ),
    *HUNG_UP,
]
RANG = [
    callback(1, "SessionSecondPartyRing", From=STRANGER, To="12025550101"),
    OVER,
]
PARTY = [
    callback(2, "SessionFirstPartyHangup", From="12025550100"),
    callback(3, "SessionPartiesHangup", From="12025550100"),
]


@pytest.mark.parametrize(
    ("items", "settings", "refused"),
    [
        (REFUSED_CALL, LOCKED, True),
        (HUNG_UP, LOCKED, True),
        (HUNG_UP, {}, True),
        (HUNG_UP, {"second_party": None}, False),
        (HUNG_UP, {**LOCKED, "second_party": None}, True),
        (LET_IN, LOCKED, False),
        (RANG, LOCKED, False),
        (PARTY, LOCKED, False),
    ],
)
def test_an_unknown_caller_for_whom_nobody_was_called_was_refused(
    items: list[dict[str, Any]], settings: dict[str, Any], refused: bool
) -> None:
    session = active(asked={**ASKED, **settings})
    if "second_party" in settings:
        session = replace(session, answered={**session.answered, **settings})
    timeline = timelines.timeline_of(items, session)
    [call] = timeline.calls

    assert session_changes.is_refusal(call, timeline.history, session) is refused
    assert call_view(call)["caller"] in ("unknown", "first")


# The sequence


def test_a_later_change_has_a_higher_sequence_as_text_however_long_its_place() -> None:
    session = active()
    event = bus_events.event_of_session("session.created", session, "")
    # As DynamoDB has them: 21 digits at first, and up to 40.
    places = [
        *("300000000000000499659", "300000000000000499660", "9" * 21),
        *("1" + "0" * 21, "9" * 39, "2" + "0" * 39, "9" * 40),
    ]

    sequences = [
        each.sequence
        for place in places
        for each in bus_events.numbered([event, event], place)
    ]

    assert sequences == sorted({each for each in sequences if each})
    assert len(set(sequences)) == 2 * len(places)
    assert {len(each or "") for each in sequences} == {44}


def test_a_change_of_many_events_has_a_sequence_for_each_before_the_next_change() -> (
    None
):
    event = bus_events.event_of_session("session.created", active(), "")

    # A session of 500 calls that is settled, told late, and the change after it.
    many = bus_events.numbered([event] * 500, "300000000000000499659", first=LATE)
    [following] = bus_events.numbered([event], "300000000000000499660")

    sequences = [str(each.sequence) for each in [*many, following]]
    assert sequences == sorted(set(sequences))
    assert {len(each) for each in sequences} == {44}


def test_what_came_late_of_a_change_stands_after_its_other_events() -> None:
    event = bus_events.event_of_session("session.created", active(), "")

    [usual] = bus_events.numbered([event], "7")
    # As many as any change of a callback has stand before it.
    [late] = bus_events.numbered([event], "7", first=LATE)
    [following] = bus_events.numbered([event], "8")

    assert str(usual.sequence) < str(late.sequence) < str(following.sequence)
