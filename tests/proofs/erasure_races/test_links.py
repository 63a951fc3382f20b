"""A link that is written late leads the erasure to its session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from masking.core import key_space
from masking.domain import transitions
from masking.plivo.errors import CarrierError
from tests.support.harness import TENANT, Harness
from tests.support.person import (
    ASKED,
    OTHER,
    PERSON,
    STRANGER,
    add_strangers_call,
    as_another_tenants,
    erase_person,
    hashes_of,
    reserve_only,
)
from tests.support.pii_scan import assert_nothing_is_left, table_items


def test_a_session_whose_link_is_written_late_is_erased_then(
    harness: Harness,
) -> None:
    late = harness.create(first_party=PERSON, second_party=OTHER, **ASKED)
    backlog = harness.take_records()
    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()
    assert harness.load_erasure(erasure).found["sessions"] == 0
    completed_at = harness.load_erasure(erasure).completed_at

    harness.publish_records(backlog)
    harness.run_until_idle()

    assert harness.load(late).erased_at
    proof = harness.load_erasure(erasure)
    assert (proof.found["sessions"], proof.completed_at) == (1, completed_at)
    assert len(harness.bus.of_type("erasure.completed")) == 1
    assert_nothing_is_left(harness)


def test_a_strangers_call_that_becomes_known_late_is_erased_then(
    harness: Harness,
) -> None:
    called = harness.create(first_party=OTHER, second_party=STRANGER)
    add_strangers_call(harness, called)
    backlog = harness.take_records()
    erase_person(harness)

    harness.publish_records(backlog)
    harness.run_until_idle()

    assert harness.load(called).erased_at
    assert_nothing_is_left(harness)


def test_a_stranger_who_calls_after_the_request_is_new(harness: Harness) -> None:
    called = harness.create(first_party=OTHER, second_party=STRANGER)
    harness.publish()
    erase_person(harness)
    harness.advance(seconds=1)

    add_strangers_call(harness, called)
    harness.run_until_idle()
    assert harness.load(called).erased_at is None

    harness.advance(seconds=1)
    erase_person(harness)
    assert harness.load(called).erased_at


def test_a_create_that_fails_late_is_erased_then(harness: Harness) -> None:
    reserved = reserve_only(harness)
    harness.stores.sessions.replace(
        reserved, replace(transitions.fail(reserved), lease_until=None)
    )
    backlog = harness.take_records()
    erase_person(harness)

    harness.publish_records(backlog)
    harness.run_until_idle()

    assert harness.load(reserved).erased_at
    assert_nothing_is_left(harness)


def test_an_older_change_that_is_published_late_links_nothing(
    harness: Harness,
) -> None:
    session = harness.create(first_party=PERSON, second_party=OTHER, **ASKED)
    backlog = harness.take_records()
    harness.publish_records(backlog)
    erase_person(harness)

    harness.publish_records(backlog)
    harness.run_until_idle()

    links = [
        item["pk"] for item in table_items(harness) if item["pk"][:2] in ("P#", "L#")
    ]
    assert links == [key_space.party_key(TENANT, hashes_of(OTHER))]
    assert harness.bus.of_type("session.created")[-1]["labels"] == {}
    assert harness.load(session).erased_at


def test_a_change_of_a_session_that_was_purged_links_nothing(
    harness: Harness,
) -> None:
    session = harness.create(first_party=PERSON, second_party=OTHER)
    backlog = harness.take_records()
    harness.stores.table.delete(
        key_space.session_key(session.session_uuid), key_space.STATE
    )

    harness.publish_records(backlog)

    assert len(harness.bus.of_type("session.created")) == 1
    assert not any(item["pk"].startswith("P#") for item in table_items(harness))


def test_what_others_have_in_doubt_is_left(harness: Harness) -> None:
    others = reserve_only(harness, first_party=STRANGER)
    theirs = as_another_tenants(reserve_only(harness), "umbrella")
    harness.stores.sessions.reserve(theirs)
    harness.advance(seconds=61)
    found = [each.session_uuid for each in harness.erase_number().in_doubt()]
    assert {others.session_uuid, theirs.session_uuid} < set(found)

    erase_person(harness)

    assert harness.load(others).erased_at is None
    assert harness.load(theirs).erased_at is None


def test_an_update_in_doubt_that_adds_the_person_is_found(harness: Harness) -> None:
    session = harness.create(
        first_party=OTHER, second_party=None, create_session_with_single_party=True
    )
    harness.publish()
    harness.ask_simulator("PUT", "faults", {"update_reset_after_commit": {"times": 1}})
    with pytest.raises(CarrierError):
        harness.update(session, second_party=PERSON)
    harness.check_queue.messages.clear()
    erasure = harness.request_erasure(PERSON)

    harness.run_until_idle()

    assert harness.load(session).erased_at
    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert_nothing_is_left(harness)
