"""Test who is connected: rows R1 to R14 of the decision table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from plivo_simulator.rules.model import Party
from plivo_simulator.rules.routing import (
    AskPin,
    Connect,
    HandOver,
    PlayUnknown,
    Refuse,
    admit,
    route,
)

from .made_up_sessions import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    NOON,
    STRANGER,
    one_party,
    session,
    with_pin,
)

LATER = NOON + timedelta(minutes=30)
AFTER_EXPIRY = NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("caller", "party", "other"),
    [(ALICE, Party.FIRST, BOB), (BOB, Party.SECOND, ALICE)],
)
def test_r1_a_registered_caller_reaches_the_other_party(
    caller: str, party: Party, other: str
) -> None:
    talk = session()

    decision = route(caller, [talk], LATER)

    assert decision == Connect(talk, party, other, registered=True)


def test_r2_one_number_serves_many_sessions_and_the_caller_chooses() -> None:
    alice_bob, carol_dave = session(), session(CAROL, DAVE, minute=1)

    decision = route(DAVE, [alice_bob, carol_dave], LATER)

    assert decision == Connect(carol_dave, Party.SECOND, CAROL, registered=True)


def test_r2_of_two_sessions_with_the_caller_the_newer_counts() -> None:
    older, newer = session(ALICE, BOB), session(ALICE, CAROL, minute=5)

    decision = route(ALICE, [older, newer], LATER)

    assert decision == Connect(newer, Party.FIRST, CAROL, registered=True)


def test_r3_a_forced_pin_is_asked_of_registered_callers() -> None:
    locked = with_pin(force_pin_authentication=True)

    decision = route(BOB, [locked], LATER)

    assert decision == AskPin(locked, (locked,), Party.SECOND)


def test_r3_only_the_callers_own_pin_passes_a_forced_pin() -> None:
    locked = with_pin(force_pin_authentication=True)
    question = AskPin(locked, (locked,), Party.SECOND)

    assert admit("1111", question) is None
    assert admit("2222", question) == Connect(
        locked, Party.SECOND, ALICE, registered=True
    )


@pytest.mark.parametrize(
    ("talk", "party"),
    [(one_party(), Party.SECOND), (one_party("", ALICE), Party.FIRST)],
)
def test_r4_anyone_reaches_the_one_known_party_when_no_pin_is_set(
    talk: object, party: Party
) -> None:
    decision = route(STRANGER, [talk], LATER)  # type: ignore[list-item]

    assert isinstance(decision, Connect)
    assert (decision.party, decision.other) == (party, ALICE)
    assert not decision.registered


def test_r5_the_one_known_party_reaches_the_last_caller() -> None:
    talk = one_party()
    talk.last_caller = STRANGER

    decision = route(ALICE, [talk], LATER)

    assert decision == Connect(talk, Party.FIRST, STRANGER, registered=True)


def test_r5_before_anyone_called_there_is_nobody_to_ring() -> None:
    talk = one_party()

    decision = route(ALICE, [talk], LATER)

    assert decision == Connect(talk, Party.FIRST, "", registered=True)


def test_r6_an_unknown_caller_is_asked_with_the_newest_prompt() -> None:
    older, newer = with_pin(), with_pin(CAROL, DAVE, minute=3)
    plain = session("12025550104", "12025550105", minute=9)

    decision = route(STRANGER, [older, plain, newer], LATER)

    assert decision == AskPin(newer, (newer, older))


@pytest.mark.parametrize(
    ("pin", "party", "other"),
    [("1111", Party.FIRST, BOB), ("2222", Party.SECOND, ALICE)],
)
def test_r7_a_pin_makes_the_caller_act_as_its_party(
    pin: str, party: Party, other: str
) -> None:
    locked = with_pin()

    admitted = admit(pin, AskPin(locked, (locked,)))

    assert admitted == Connect(locked, party, other, registered=False)


def test_r7_a_pin_is_looked_for_in_every_session_on_the_number() -> None:
    older = with_pin(first_party_pin="987654")
    newer = with_pin(CAROL, DAVE, minute=3)

    admitted = admit("987654", AskPin(newer, (newer, older)))

    assert admitted == Connect(older, Party.FIRST, BOB, registered=False)


@pytest.mark.parametrize("pin", ["3333", "", "111", "11111"])
def test_r8_a_wrong_pin_opens_nothing(pin: str) -> None:
    locked = with_pin()

    assert admit(pin, AskPin(locked, (locked,))) is None


def test_r9_an_unknown_caller_hears_the_audio_for_unknown_callers() -> None:
    talk = session(unknown_caller_play="https://audio.example/unknown.mp3")

    decision = route(STRANGER, [session(CAROL, DAVE, minute=1), talk], LATER)

    assert decision == PlayUnknown(talk)


def test_r10_an_unknown_caller_is_refused_when_nothing_is_set() -> None:
    assert route(STRANGER, [session()], LATER) == Refuse()


def test_r11_after_expiry_the_application_answers_though_others_use_the_number() -> (
    None
):
    others = session(CAROL, DAVE, minute=90)

    assert route(ALICE, [session(), others], AFTER_EXPIRY) == HandOver()


def test_r12_the_application_answers_when_no_session_lives() -> None:
    assert route(ALICE, [session()], AFTER_EXPIRY) == HandOver()
    assert route(STRANGER, [], NOON) == HandOver()


def test_r12_an_ended_session_connects_nobody_before_its_expiry() -> None:
    ended = session()
    ended.ended = True

    assert route(ALICE, [ended], LATER) == HandOver()


def test_r13_a_withheld_number_is_an_unknown_caller() -> None:
    assert route("", [session()], LATER) == Refuse()
    assert isinstance(route("", [with_pin()], LATER), AskPin)
    assert isinstance(route("", [one_party()], LATER), Connect)


def test_r14_a_party_added_later_is_a_registered_party() -> None:
    talk = one_party()
    talk.last_caller = STRANGER
    talk.second_party = CAROL

    assert route(CAROL, [talk], LATER) == Connect(
        talk, Party.SECOND, ALICE, registered=True
    )
    assert route(ALICE, [talk], LATER) == Connect(
        talk, Party.FIRST, CAROL, registered=True
    )
    assert route(STRANGER, [talk], LATER) == Refuse()
