"""A snapshot is found whole or as it was before, however many calls it has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.core.errors import StaleStateError
from masking.core.key_space import SNAPSHOT, SNAPSHOT_PART, Item, is_part
from masking.domain.sessions import Session
from masking.storage.snapshot_items import LARGEST_ITEM
from masking.storage.stores import Stores
from masking.storage.table import FORMAT, Table
from proofs.units import capacity
from tests.support.harness_parts import KilledError, ProcessKill
from tests.support.long_sessions import LongSession
from tests.support.long_settlements import kept_calls

PERSON = "+12025550199"

# The parts of so many calls with long names are few enough to die at each.
COUNT = 150
PURGE_AT = 2_000_000_000


def calls_named(name: str, count: int = COUNT) -> list[dict[str, Any]]:
    """Return calls with long names in them, of which the last part has some more."""
    return kept_calls(count, lambda number: f"{name}-{number}".ljust(1_400, "."))


class KilledClient:
    """A client of DynamoDB whose process may be killed."""

    def __init__(self, client: Any, kill: ProcessKill) -> None:
        self._client = client
        self._kill = kill

    def __getattr__(self, name: str) -> Any:
        """Return the client's method, before or after which it dies."""
        method = getattr(self._client, name)

        def call(**request: Any) -> Any:
            self._kill.before_request()
            answer = method(**request)
            self._kill.after_request()
            return answer

        return call


class Place:
    """A session that is over, in a table in memory, and processes that work on it."""

    def __init__(self) -> None:
        self.long = LongSession()
        self.kill = ProcessKill()
        self.session: Session = self.long.session
        self.stores = self.long.stores
        client: Any = KilledClient(self.long.dynamodb, self.kill)
        self.mortal = Stores(Table(client, "memory", timedelta(days=400)))
        self.fetches = 0

    def put(
        self, calls: list[dict[str, Any]], stores: Stores | None = None, **more: Any
    ) -> None:
        """Write a snapshot over the one that is there."""
        self.fetches += 1
        snapshots = (stores or self.stores).snapshots
        item = {"calls": calls, "fetched_at": f"{self.fetches:04}", **more}
        before = snapshots.head(self.session.session_uuid)
        snapshots.put(self.session, item, before, PURGE_AT)

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls that a reader finds."""
        whole = self.stores.sessions.load_whole(self.session.session_uuid)
        assert whole
        return [dict(call) for call in whole.session.calls]

    def items(self) -> list[Item]:
        """Return the items of the snapshot."""
        return [
            item
            for item in self.stores.sessions.load_items(self.session.session_uuid)
            if item["sk"] == SNAPSHOT or is_part(SNAPSHOT_PART, item)
        ]

    def erase(self, stores: Stores | None = None) -> None:
        """Erase the snapshot, as an erasure does once the state is redacted."""
        snapshots = (stores or self.stores).snapshots
        known = snapshots.head(self.session.session_uuid)
        if known is None or "erased" not in known:
            snapshots.redact(self.session.session_uuid, known, PURGE_AT)
        snapshots.remove_unredacted(self.session.session_uuid)

    def sizes(self) -> list[int]:
        """Return the sizes of the items, in bytes."""
        stored = self.long.dynamodb.items
        return [
            capacity.item_size(stored[item["pk"], item["sk"]]) for item in self.items()
        ]


@settings(max_examples=15, deadline=None)
@given(
    counts=st.lists(st.integers(0, 1_500), min_size=1, max_size=4),
    width=st.sampled_from([1, 40, 3_000]),
)
def test_calls_come_back_as_they_were_kept(counts: list[int], width: int) -> None:
    place = Place()

    for count in counts:
        calls = kept_calls(count, lambda number: f"{number:0{width}}")
        place.put(calls)

        assert place.calls() == calls
        assert max(place.sizes()) <= LARGEST_ITEM
        head, *parts = place.items()
        assert sum(len(part["calls"]) for part in parts) in (0, count)
        assert ("calls" in head) is not bool(parts)


def test_a_snapshot_of_few_calls_is_one_item_as_ever() -> None:
    place = Place()

    place.put(kept_calls(300), digest="d", settle_at="", fetches=1)

    [item] = place.items()
    assert FORMAT not in item
    assert set(item) - {"w"} == {
        *("pk", "sk", "calls", "fetched_at", "digest", "settle_at", "fetches"),
        "purge_at",
    }


def deaths(do: Callable[[Place], None], *, after: bool) -> list[Place]:
    """Let *do* die at each of its requests; return the places that it left."""
    left: list[Place] = []
    while True:
        place = Place()
        place.put(calls_named(PERSON))
        place.kill.plan(len(left) + 1, after=after)
        with suppress(KilledError):
            do(place)
        if place.kill.seen <= len(left):
            return left
        left.append(place)


AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


@AFTER
def test_a_reader_finds_all_of_one_fetch_wherever_a_settlement_dies(
    *, after: bool
) -> None:
    old = calls_named(PERSON)
    new = calls_named("another", 160)

    left = deaths(lambda place: place.put(new, place.mortal), after=after)

    assert len(left) > 10
    found = [place.calls() for place in left]
    assert all(calls in (old, new) for calls in found)
    assert found[0] == old
    assert found[-1] == new
    for place in left:
        place.put(new)
        assert place.calls() == new


@AFTER
def test_an_erasure_leaves_no_number_wherever_it_or_a_settlement_dies(
    *, after: bool
) -> None:
    new = calls_named(f"0{PERSON}", 160)

    settlements = deaths(lambda place: place.put(new, place.mortal), after=after)
    erasures = deaths(lambda place: place.erase(place.mortal), after=after)

    assert len(erasures) > 5
    for place in [*settlements, *erasures]:
        assert len(place.calls()) in (COUNT, 160)
        place.erase()
        assert PERSON not in str(place.long.dynamodb.items.values())
        assert len(place.calls()) in (COUNT, 160)
        assert all("erased" in item for item in place.items())


def test_of_two_settlements_at_once_one_is_kept_and_nothing_of_the_other() -> None:
    place = Place()
    place.put(kept_calls(1_100))
    snapshots = place.stores.snapshots
    before = snapshots.head(place.session.session_uuid)
    first, second = kept_calls(1_200, "a{}".format), kept_calls(1_300, "b{}".format)

    snapshots.put(
        place.session, {"calls": first, "fetched_at": "first"}, before, PURGE_AT
    )
    with pytest.raises(StaleStateError):
        snapshots.put(
            place.session, {"calls": second, "fetched_at": "second"}, before, PURGE_AT
        )

    assert place.calls() == first
    assert sum(len(item.get("calls", ())) for item in place.items()) == 1_200


def test_a_settlement_that_did_not_know_of_the_erasure_leaves_nothing() -> None:
    place = Place()
    place.put(calls_named(PERSON))
    before = place.stores.snapshots.head(place.session.session_uuid)
    place.erase()

    late = {"calls": calls_named(PERSON), "fetched_at": "late"}
    with pytest.raises(StaleStateError):
        place.stores.snapshots.put(place.session, late, before, PURGE_AT)

    assert PERSON not in str(place.long.dynamodb.items.values())
    assert all("erased" in item for item in place.items())


def test_a_settlement_after_the_erasure_is_kept() -> None:
    place = Place()
    place.erase()
    place.session = replace(place.session, erased_at=place.long.clock.at)

    place.put(kept_calls(1_100))
    place.stores.snapshots.remove_unredacted(place.session.session_uuid)

    assert len(place.calls()) == 1_100


def test_a_reader_reads_again_what_was_replaced_meanwhile() -> None:
    place = Place()
    place.put(kept_calls(1_100))
    old = place.items()[0]
    place.put(kept_calls(1_200, "new{}".format))

    [found] = place.stores.snapshots.completed([old])

    assert len(found["calls"]) == 1_200


def test_a_session_whose_calls_are_purged_is_told_by_its_callbacks() -> None:
    place = Place()
    place.put(kept_calls(1_100))
    settled = {"at": "2026-03-02T08:00:00.000000Z", "changed": [], "times": 1}
    place.stores.table.update(
        (f"S#{place.session.session_uuid}", "A#STATE"),
        "SET settled = :s",
        {":s": settled},
    )
    before = place.stores.sessions.load_whole(place.session.session_uuid)
    assert before
    assert before.session.settled
    for item in place.items()[1:]:
        place.stores.table.delete(item["pk"], item["sk"])

    whole = place.stores.sessions.load_whole(place.session.session_uuid)

    assert whole
    assert whole.session.settled is None
    assert whole.session.calls == ()
