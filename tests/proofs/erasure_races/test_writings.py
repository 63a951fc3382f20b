"""A person is found by the number in any writing, and by a name that is none."""

from __future__ import annotations

import pytest

from masking.core import callers
from masking.domain.sessions import Session
from tests.support.harness import Harness
from tests.support.person import OTHER, PERSON, STRANGER, add_strangers_call
from tests.support.pii_scan import assert_nothing_is_left, table_items
from tests.support.writings import writings_of


def called_by(harness: Harness, written: str, number: int = 0) -> Session:
    """Return a session that somebody else has called, by a number as it is written."""
    session = harness.create(
        first_party=f"+12025550{100 + number}", second_party=f"+12125550{100 + number}"
    )
    add_strangers_call(harness, session, written)
    harness.publish()
    return session


def test_a_stranger_is_erased_in_whatever_writing_the_number_came(
    harness: Harness,
) -> None:
    called = [
        called_by(harness, written, number)
        for number, written in enumerate(writings_of(PERSON))
    ]

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == len(called)
    left = str(table_items(harness))
    for written, session in zip(writings_of(PERSON), called, strict=True):
        assert harness.load(session).erased_at, written
        assert written.strip() not in left
    assert_nothing_is_left(harness)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("sip:ada@example.com", "sip:ada@example.com"),
        ("Ada Lovelace <sip:ada@example.com;tag=1>", "ADA@example.com"),
        ("Ada Lovelace", "ada  lovelace"),
        ("02079460000", "+442079460000"),
        ("1-2-3-4-5-6", "123456"),
        ("00112233445566778899", "00112233445566778899"),
    ],
)
def test_who_has_no_number_in_e164_is_found_as_it_was_written(
    harness: Harness, written: str, asked: str
) -> None:
    first = "+442079460001" if asked.startswith("+44") else OTHER
    session = harness.create(first_party=first, second_party=STRANGER)
    add_strangers_call(harness, session, written)
    harness.publish()

    [name, *_] = callers.names_of(callers.writing_of(asked), near=[])
    erasure = harness.request_erasure(name)
    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert harness.load(session).erased_at
    assert written not in str(table_items(harness))


@pytest.mark.parametrize("hidden", ["anonymous", "", "266696687", "Restricted"])
def test_who_hides_is_linked_to_nothing(harness: Harness, hidden: str) -> None:
    called_by(harness, hidden)

    assert [i for i in table_items(harness) if i["pk"].startswith("C#")] == []


def test_a_party_in_another_writing_is_no_stranger(harness: Harness) -> None:
    session = harness.create(first_party=OTHER, second_party=STRANGER)
    for written in writings_of(OTHER):
        add_strangers_call(harness, session, written)
    harness.publish()

    assert [i for i in table_items(harness) if i["pk"].startswith("C#")] == []


@pytest.mark.parametrize("name", ["To", "FirstParty", "SecondParty"])
def test_whoever_a_callback_names_is_found(harness: Harness, name: str) -> None:
    session = harness.create(first_party=OTHER, second_party=STRANGER)
    harness.put_callback(
        session,
        {"EventName": "SessionSecondPartyRing", "From": OTHER, name: f"tel:{PERSON}"},
    )
    harness.publish()

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert_nothing_is_left(harness)


@pytest.mark.parametrize(
    ("ahead", "zone"),
    [(10, 0), (0, 19_800), (86_400 * 365, 0), (1, 0)],
    ids=["10 s", "India's time as UTC", "a year", "1 s"],
)
def test_a_call_stamped_ahead_of_our_clock_is_older_than_the_request(
    harness: Harness, ahead: int, zone: int
) -> None:
    session = harness.create(first_party=OTHER, second_party=STRANGER)
    harness.put_callback(session, stamped(harness, ahead + zone))
    harness.publish()

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert harness.load(session).erased_at
    assert_nothing_is_left(harness)


def test_a_call_stamped_ahead_that_comes_after_the_request_is_new(
    harness: Harness,
) -> None:
    session = harness.create(first_party=OTHER, second_party=STRANGER)
    harness.publish()
    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()
    harness.advance(seconds=1)

    harness.put_callback(session, stamped(harness, 10))
    harness.run_until_idle()

    assert harness.load(session).erased_at is None
    assert harness.load_erasure(erasure).found["sessions"] == 0


def stamped(harness: Harness, ahead: int) -> dict[str, str]:
    """Return a callback of the person's call, stamped *ahead* of our clock."""
    from datetime import timedelta

    at = harness.now() + timedelta(seconds=ahead)
    return {
        "EventName": "SessionFirstPartyInitiated",
        "From": PERSON,
        "EventTimestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
        "SequenceNumber": "1",
    }
