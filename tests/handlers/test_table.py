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
from masking.storage import attributes
from masking.storage.table import Table
from tests.handlers.clock import Clock
from tests.handlers.sessions_there import planted, stored

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


def test_a_session_is_reserved_by_one(table: Table, clock: Clock) -> None:
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
            table.reserve(session)
        except SessionTakenError:
            return False
        return True

    [winner] = winners(reserve)

    kept = table.load("0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f")
    assert kept
    assert kept.asked == {"first_party": f"+120255501{winner:02d}"}


def test_a_session_is_changed_by_one_at_a_time(table: Table, clock: Clock) -> None:
    before = planted(table, clock)

    def change(number: int) -> bool:
        after = transitions.begin_update(before, {"ring_timeout": number}, clock())
        try:
            table.replace(before, after)
        except StaleStateError:
            return False
        return True

    [winner] = winners(change)

    pending = stored(table, before).pending
    assert pending
    assert pending.changes == {"ring_timeout": winner}


def test_what_has_gone_by_cannot_be_changed(table: Table, clock: Clock) -> None:
    before = planted(table, clock)
    table.replace(before, transitions.expire(before, clock()))

    with pytest.raises(StaleStateError):
        table.replace(
            before, transitions.begin_update(before, {"record": True}, clock())
        )


def test_a_session_that_is_gone_cannot_be_changed(table: Table, clock: Clock) -> None:
    session = planted(table, clock)
    table._client.delete_item(
        TableName=table._name,
        Key=attributes.written_item(
            {"pk": f"S#{session.session_uuid}", "sk": key_space.STATE}
        ),
    )

    with pytest.raises(StaleStateError):
        table.replace(session, transitions.expire(session, clock()))

    assert table.load(session.session_uuid) is None
    assert table.load_state(session.session_uuid) is None


def test_a_callback_is_kept_by_one(table: Table, clock: Clock) -> None:
    def keep(number: int) -> bool:
        return table.put_callback(
            "s",
            "d" * 64,
            kind="events",
            tenant_id="acme",
            attempt=1,
            attributes={"EventName": "A", "Number": str(number)},
            received_at=clock(),
        )

    [winner] = winners(keep)

    kept = table.callback("s", "d" * 64)
    assert kept
    assert kept["attributes"]["Number"] == str(winner)


def test_a_recording_is_claimed_by_one_until_his_lease_is_over(
    table: Table, clock: Clock
) -> None:
    told = recording_transitions.announce(
        recordings.Announcement("r", "https://media.plivo.com/r.mp3", "mp3", 18),
        session_uuid="s",
        tenant_id="acme",
        retention_days=365,
        source=recordings.Source.CALLBACK,
        now=clock(),
    )
    assert len(winners(lambda _: table.add_recording(told))) == 1

    def claim(_: int) -> bool:
        known = table.recording("s", "r")
        claimed = recording_transitions.claim(known, clock()) if known else None
        if known is None or claimed is None:
            return False
        try:
            table.replace_recording(known, claimed)
        except StaleStateError:
            return False
        return True

    assert len(winners(claim)) == 1
    assert winners(claim) == []
    clock.at += recordings.LEASE
    assert len(winners(claim)) == 1


def test_what_is_kept_says_when_it_may_be_purged(table: Table, clock: Clock) -> None:
    session = planted(table, clock)
    table.put_callback(
        session.session_uuid,
        "d" * 64,
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={"EventName": "A"},
        received_at=clock(),
    )

    kept = table._client.query(
        TableName=table._name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=attributes.written_item(
            {":pk": f"S#{session.session_uuid}"}
        ),
    )["Items"]

    retention = timedelta(days=400)
    purged = {
        attributes.read_item(item)["sk"][:6]: attributes.read_item(item)["purge_at"]
        for item in kept
    }
    assert session.expiry_time
    assert purged["A#STAT"] == int((session.expiry_time + retention).timestamp())
    assert purged["E#dddd"] == int((clock() + retention).timestamp())
    # It outlives the state, so that extending a session need not write it again.
    assert purged["A#REQU"] >= purged["A#STAT"] + 29 * 86_400


def test_a_failure_that_is_no_condition_is_told_as_it_is(table: Table) -> None:
    nowhere = Table(table._client, "no-such-table")

    with pytest.raises(ClientError, match="ResourceNotFound"):
        nowhere.link("x", "y")
