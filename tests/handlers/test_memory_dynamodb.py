"""The table in memory does what the embedded AWS does with the same requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from masking.storage.table import (
    IS_NEW,
    IS_UNCHANGED,
    MARK,
    ConditionFailedError,
    Table,
    between,
)
from tests.support.embedded_aws import EmbeddedAws, make_table
from tests.support.memory_dynamodb import MemoryDynamoDb


@pytest.fixture(params=["embedded AWS", "in memory"])
def table(request: pytest.FixtureRequest) -> Table:
    """Return a table of each kind."""
    if request.param == "in memory":
        memory: Any = MemoryDynamoDb()
        return Table(memory, "table", timedelta(days=1))
    aws: EmbeddedAws = request.getfixturevalue("aws")
    client = aws.client("dynamodb")
    return Table(client, make_table(client), timedelta(days=1))


def test_conditions_hold_or_fail(table: Table) -> None:
    table.put({"pk": "a", "sk": "1", "version": 1}, IS_NEW)
    with pytest.raises(ConditionFailedError):
        table.put({"pk": "a", "sk": "1", "version": 9}, IS_NEW)
    table.put({"pk": "a", "sk": "1", "version": 2}, IS_UNCHANGED, {":seen": 1})
    with pytest.raises(ConditionFailedError):
        table.put({"pk": "a", "sk": "1", "version": 9}, IS_UNCHANGED, {":seen": 1})

    found = table.get("a", "1")

    assert found
    assert found["version"] == 2


def test_an_item_of_more_than_400_kb_is_refused(table: Table) -> None:
    table.put({"pk": "a", "sk": "1", "text": "x" * 400_000})
    with pytest.raises(ClientError, match="exceeded the maximum allowed size"):
        table.put({"pk": "a", "sk": "1", "text": "x" * 409_600})
    with pytest.raises(ClientError, match="exceeded the maximum allowed size"):
        table.update(("a", "1"), "SET more = :more", {":more": "x" * 10_000})

    found = table.get("a", "1")

    assert found
    assert len(found["text"]) == 400_000
    assert "more" not in found


def test_changes_return_what_they_are_asked_for(table: Table) -> None:
    lease = "attribute_not_exists(lease_until) OR lease_until <= :now"
    key = ("a", "1")

    first = table.update(
        key, "SET lease_until = :u", {":u": "5", ":now": "1"}, lease, returns="ALL_OLD"
    )
    with pytest.raises(ConditionFailedError):
        table.update(key, "SET lease_until = :u", {":u": "9", ":now": "4"}, lease)
    second = table.update(
        key, "SET lease_until = :u", {":u": "9", ":now": "5"}, lease, returns="ALL_OLD"
    )

    assert first == {}
    assert {k: v for k, v in second.items() if k != MARK} == {
        "pk": "a",
        "sk": "1",
        "lease_until": "5",
    }


def test_partitions_and_the_index_are_read_in_order(table: Table) -> None:
    for sort_key, at in (("A#2", "3"), ("A#1", "1"), ("B#1", "2"), ("A#3", "7")):
        due = {"duty_shard": "sweep#00", "duty_at": at}
        table.put({"pk": "S#1", "sk": sort_key, **due})
    table.put({"pk": "S#1", "sk": "A#1"})

    parts = [item["sk"] for item in table.parts("S#1", "A#")]
    due_now = list(
        table.query(
            IndexName="duties",
            KeyConditionExpression="duty_shard = :shard AND duty_at <= :now",
            ExpressionAttributeValues={
                ":shard": {"S": "sweep#00"},
                ":now": {"S": "4"},
            },
        )
    )
    some = table.get_all([("S#1", "A#1"), ("S#1", "none"), ("S#1", "B#1")])

    assert parts == ["A#1", "A#2", "A#3"]
    assert [item["sk"] for item in due_now] == ["B#1", "A#2"]
    assert all(item.keys() >= {"pk", "sk", "duty_at"} for item in due_now)
    assert some.keys() == {("S#1", "A#1"), ("S#1", "B#1")}


def test_a_query_is_paged_in_both_directions(table: Table) -> None:
    names = [f"A#{number}" for number in range(5)]
    for name in names:
        table.put({"pk": "S#1", "sk": name})
    request = between("S#1", "A#0", "A#3")

    newest, is_all = table.page(2, ScanIndexForward=False, **request)
    last, _ = table.page(4, **request)
    whole, is_whole = table.page(5, **request)
    paged = list(table.query(Limit=3, **request))

    assert [item["sk"] for item in newest] == ["A#3", "A#2"]
    assert not is_all
    assert is_whole
    assert [item["sk"] for item in last] == names[:4]
    assert whole == paged == last


def test_what_is_deleted_is_gone(table: Table) -> None:
    table.put({"pk": "a", "sk": "1"})

    table.delete("a", "1")
    table.delete("a", "1")

    assert table.get("a", "1") is None


# Answers that are lost, and requests that are sent again


@pytest.fixture
def losing(aws: EmbeddedAws) -> tuple[Table, Callable[[int], None]]:
    """Return a table whose next answers can be lost; the SDK sends again."""
    from stack.aws.clients import LocalAws
    from tests.support.lost_answers import LostAnswers

    client = LocalAws(aws.url, aws.ca_file).client("dynamodb")
    lost = LostAnswers(client)
    table = Table(client, make_table(aws.client("dynamodb")), timedelta(days=1))
    return table, lost.lose


def test_a_write_whose_answer_was_lost_is_known_for_our_own(
    losing: tuple[Table, Callable[[int], None]],
) -> None:
    table, lose = losing
    lose(1)
    table.put({"pk": "a", "sk": "1", "version": 1}, IS_NEW)
    lose(1)
    table.put({"pk": "a", "sk": "1", "version": 2}, IS_UNCHANGED, {":seen": 1})
    lose(1)
    table.update(
        ("a", "1"), "SET version = :three", {":three": 3, ":seen": 2}, IS_UNCHANGED
    )

    found = table.get("a", "1")

    assert found
    assert found["version"] == 3


def test_the_same_write_of_another_is_not_ours(
    losing: tuple[Table, Callable[[int], None]],
) -> None:
    table, lose = losing
    table.put({"pk": "a", "sk": "1", "version": 1}, IS_NEW)
    lose(1)

    with pytest.raises(ConditionFailedError):
        table.put({"pk": "a", "sk": "1", "version": 1}, IS_NEW)


@pytest.mark.parametrize(
    "condition", [None, "attribute_not_exists(made) OR made < :most"]
)
def test_what_is_counted_is_counted_once_however_often_it_is_sent(
    losing: tuple[Table, Callable[[int], None]], condition: str | None
) -> None:
    table, lose = losing
    values = {":one": 1, **({":most": 5} if condition else {})}

    for _ in range(3):
        lose(1)
        counted = table.update(
            ("a", "1"), "ADD made :one", values, condition, returns="ALL_NEW"
        )

    assert counted["made"] == 3


def test_a_lease_whose_answer_was_lost_is_ours(
    losing: tuple[Table, Callable[[int], None]],
) -> None:
    from datetime import UTC, datetime

    from masking.storage.due_work import DueWorkStore

    table, lose = losing
    store = DueWorkStore(table)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    store.begin_run("reconcile", now, now)
    store.end_run("reconcile", now, {"shard": "reconcile#03"})
    lose(1)

    last = store.begin_run("reconcile", now, now + timedelta(minutes=11))

    assert last is not None
    assert last["shard"] == "reconcile#03"
    assert store.begin_run("reconcile", now, now + timedelta(minutes=11)) is None


def test_a_transaction_is_sent_with_a_token_of_its_own(aws: EmbeddedAws) -> None:
    from stack.aws.clients import LocalAws

    client: Any = LocalAws(aws.url, aws.ca_file).client("dynamodb")
    sent: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: sent.append(params),
    )
    client.meta.events.register(
        "before-parameter-build.dynamodb.TransactWriteItems",
        lambda params, **_: sent.append(params),
    )
    name = make_table(aws.client("dynamodb"))
    item = {"pk": {"S": "a"}, "sk": {"S": "1"}}

    client.transact_write_items(
        TransactItems=[{"Put": {"TableName": name, "Item": item}}]
    )

    # botocore fills it in, and so DynamoDB knows what is sent again.
    assert sent[-1]["ClientRequestToken"]
