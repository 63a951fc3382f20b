"""The table's conditions: of all who write at once, exactly one has written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from masking.core import key_space
from masking.core.errors import SessionTakenError, StaleStateError
from masking.domain import recording_transitions, recordings, transitions
from masking.storage.stores import Stores
from masking.storage.table import read_item, written_item
from tests.support.clock import Clock
from tests.support.sessions_there import planted, stored
from tests.support.stores import stores_over

AT_ONCE = 16


def winners(attempt: Callable[[int], bool]) -> list[int]:
    """Let many try at once; give those who succeeded."""
    together = threading.Barrier(AT_ONCE)

    def run(number: int) -> bool:
        together.wait()
        return attempt(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run, range(AT_ONCE)))
    return [number for number, won in enumerate(outcomes) if won]


def test_a_session_is_reserved_by_one(stores: Stores, clock: Clock) -> None:
    def reserve(number: int) -> bool:
        session = transitions.reserve(
            session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
            tenant_id="acme",
            asked={"first_party": f"+120255501{number:02d}"},
            labels={},
            base_url="https://masks.example.com",
            now=clock(),
        )
        try:
            stores.sessions.reserve(session)
        except SessionTakenError:
            return False
        return True

    [winner] = winners(reserve)

    kept = stores.sessions.load("0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f")
    assert kept
    assert kept.asked == {"first_party": f"+120255501{winner:02d}"}


def test_a_session_is_changed_by_one_at_a_time(stores: Stores, clock: Clock) -> None:
    before = planted(stores, clock)

    def change(number: int) -> bool:
        after = transitions.begin_update(before, {"ring_timeout": number}, clock())
        try:
            stores.sessions.replace(before, after)
        except StaleStateError:
            return False
        return True

    [winner] = winners(change)

    pending = stored(stores, before).pending
    assert pending
    assert pending.changes == {"ring_timeout": winner}


def test_what_has_gone_by_cannot_be_changed(stores: Stores, clock: Clock) -> None:
    before = planted(stores, clock)
    stores.sessions.replace(before, transitions.expire(before, clock()))

    with pytest.raises(StaleStateError):
        stores.sessions.replace(
            before, transitions.begin_update(before, {"record": True}, clock())
        )


def test_a_session_that_is_gone_cannot_be_changed(stores: Stores, clock: Clock) -> None:
    session = planted(stores, clock)
    stores.table.client.delete_item(
        TableName=stores.table.name,
        Key=written_item({"pk": f"S#{session.session_uuid}", "sk": key_space.STATE}),
    )

    with pytest.raises(StaleStateError):
        stores.sessions.replace(session, transitions.expire(session, clock()))

    assert stores.sessions.load(session.session_uuid) is None
    assert stores.sessions.load_state(session.session_uuid) is None


def test_a_callback_is_kept_by_one(stores: Stores, clock: Clock) -> None:
    def keep(number: int) -> bool:
        return stores.callbacks.put(
            "s",
            "d" * 64,
            kind="events",
            tenant_id="acme",
            attempt=1,
            attributes={"EventName": "A", "Number": str(number)},
            received_at=clock(),
        )

    [winner] = winners(keep)

    kept = stores.callbacks.get("s", "~#" + "d" * 64)
    assert kept
    assert kept["attributes"]["Number"] == str(winner)


def test_a_recording_is_claimed_by_one_until_his_lease_is_over(
    stores: Stores, clock: Clock
) -> None:
    told = recording_transitions.announce(
        recordings.Announcement("r", "https://media.plivo.com/r.mp3", "mp3", 18),
        session_uuid="s",
        tenant_id="acme",
        retention_days=365,
        source=recordings.Source.CALLBACK,
        now=clock(),
    )
    assert len(winners(lambda _: stores.recordings.add(told))) == 1

    def claim(_: int) -> bool:
        known = stores.recordings.get("s", "r")
        claimed = recording_transitions.claim(known, clock()) if known else None
        if known is None or claimed is None:
            return False
        try:
            stores.recordings.replace(known, claimed)
        except StaleStateError:
            return False
        return True

    assert len(winners(claim)) == 1
    assert winners(claim) == []
    clock.at += recordings.LEASE
    assert len(winners(claim)) == 1


def test_what_is_kept_says_when_it_may_be_purged(stores: Stores, clock: Clock) -> None:
    session = planted(stores, clock)
    stores.callbacks.put(
        session.session_uuid,
        "d" * 64,
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={"EventName": "A"},
        received_at=clock(),
        purge_at=stores.sessions.purge_at(session),
    )
    stores.callbacks.put(
        session.session_uuid,
        "f" * 64,
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={"EventName": "A"},
        received_at=clock() + timedelta(days=2),
        purge_at=stores.sessions.purge_at(session),
    )

    kept = stores.table.client.query(
        TableName=stores.table.name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=written_item({":pk": f"S#{session.session_uuid}"}),
    )["Items"]

    items = {read_item(item)["sk"][:7]: read_item(item) for item in kept}
    assert session.expiry_time
    ends = int((session.expiry_time + timedelta(days=400)).timestamp())
    assert items["A#STATE"]["kept_until"] == ends
    # Whatever it is, and whenever it came, it goes with its session, PINs and all.
    [purged] = {item["purge_at"] for item in items.values()}
    assert items.keys() == {"A#STATE", "A#REQUE", "E#~#ddd", "E#~#fff"}
    assert ends <= purged <= ends + 2 * timedelta(days=7).total_seconds()


def test_a_failure_that_is_no_condition_is_told_as_it_is(stores: Stores) -> None:
    nowhere = stores_over(stores.table.client, "no-such-table")

    with pytest.raises(ClientError, match="ResourceNotFound"):
        nowhere.links.put("x", "y")
