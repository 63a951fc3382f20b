"""A session of very many calls is settled, and its calls are kept in parts."""

from __future__ import annotations

import pytest

from masking.core.key_space import SNAPSHOT_PART, Item, is_part
from masking.domain.sessions import Session
from masking.storage.session_items import Whole
from tests.support.harness import Harness
from tests.support.long_settlements import interactions


def ended_with(harness: Harness, count: int) -> Session:
    """Return a session that has ended, of which Plivo has so many calls."""
    session = harness.create()
    harness.advance(minutes=11)
    harness.sweep()
    harness.carrier = harness.rewriting("get", interaction=interactions(count))
    return harness.load(session)


def fetch(harness: Harness, session: Session) -> None:
    """Do the next step of a settlement, a quarter of an hour later."""
    harness.advance(minutes=15)
    harness.services.reconciler.work_off(session.session_uuid)


def whole_of(harness: Harness, session: Session) -> Whole:
    """Read a session as the API does."""
    whole = harness.stores.sessions.load_whole(session.session_uuid)
    assert whole
    return whole


def parts_of(harness: Harness, session: Session) -> list[Item]:
    """Return the parts of a session's snapshot, in order."""
    items = harness.stores.sessions.load_items(session.session_uuid)
    return [item for item in items if is_part(SNAPSHOT_PART, item)]


@pytest.mark.parametrize("count", [600, 2_000, 10_000])
def test_a_session_of_many_calls_is_settled(harness: Harness, count: int) -> None:
    session = ended_with(harness, count)

    for _ in range(2):
        fetch(harness, session)

    settled = whole_of(harness, session).session
    assert settled.settled
    assert len(settled.calls) == count
    starts = [call["start_time"] for call in settled.calls]
    assert starts == sorted(set(starts))


def test_two_fetches_that_agree_write_each_part_once(harness: Harness) -> None:
    session = ended_with(harness, 3_000)

    fetch(harness, session)
    first = parts_of(harness, session)
    before = harness.units.write
    fetch(harness, session)
    second = harness.units.write - before

    assert second <= 2
    assert parts_of(harness, session) == first
    items = harness.stores.sessions.load_items(session.session_uuid)
    kept = {item["purge_at"] for item in items if item["sk"].startswith(("A#", "S1#"))}
    assert len(kept) == 1


def test_a_call_that_comes_late_writes_only_the_last_part(harness: Harness) -> None:
    session = ended_with(harness, 2_950)
    fetch(harness, session)
    first = parts_of(harness, session)
    harness.carrier = harness.rewriting("get", interaction=interactions(2_951))

    fetch(harness, session)

    second = parts_of(harness, session)
    assert second[:-1] == first[:-1]
    assert second[-1] != first[-1]
    assert len(second) == len(first)
    assert len(whole_of(harness, session).session.calls) == 2_951
