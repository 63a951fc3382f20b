"""Erasures, their tombstones, and the links by which they find sessions.

Every read here is consistent, because an item that is not seen would not be erased.

| access                       | request units (items up to 1 KB)                 |
|------------------------------|--------------------------------------------------|
| begin an erasure             | 4 write, in one transaction                      |
| walk the links of a number   | 1 read for each 4 KB, of three partitions        |
| erase a session              | 1 write for each item and 1 more for a callback; |
|                              | 2 for its counts                                 |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from masking.core.errors import StaleStateError
from masking.core.key_space import (
    ERASURE,
    TOMBSTONE,
    Item,
    attempt_key,
    caller_key,
    erasure_key,
    owner_of,
    party_key,
    session_key,
    tombstone_key,
)
from masking.core.times import parse_stamp, stamp
from masking.domain.erasures import Erasure
from masking.storage.table import IS_NEW, ConditionFailedError, Table, written_item

IS_SAME_MARKER = "erasure_id = :seen"
IS_NOT_COMPLETE = "attribute_not_exists(completed_at)"

# A create that is retried may outlive its reservation for as long as it is kept.
SLACK = timedelta(days=30)


class ErasureStore:
    """Erasures, their tombstones and per-session counts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, erasure: Erasure, seen: Item | None) -> None:
        """Write an erasure and its tombstone, both or none.

        *seen* is the tombstone that was there. Raises StaleStateError if another has
        been written since.
        """
        purge_at = self._table.purge_at(erasure.requested_at + SLACK)
        tombstone = {
            "pk": tombstone_key(erasure.tenant_id, erasure.number_hash),
            "sk": TOMBSTONE,
            "erasure_id": erasure.erasure_id,
            "at": stamp(erasure.requested_at),
            "purge_at": purge_at,
        }
        condition: dict[str, Any] = {"ConditionExpression": IS_NEW}
        if seen:
            condition = {
                "ConditionExpression": IS_SAME_MARKER,
                "ExpressionAttributeValues": written_item(
                    {":seen": seen["erasure_id"]}
                ),
            }
        item = self._erasure_item(erasure)
        marked: Any = {
            "TableName": self._table.name,
            "Item": written_item(tombstone),
            **condition,
        }
        try:
            self._table.client.transact_write_items(
                TransactItems=[
                    {"Put": marked},
                    {
                        "Put": {
                            "TableName": self._table.name,
                            "Item": written_item(item),
                        }
                    },
                ]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            raise StaleStateError from None

    def get(self, erasure_id: str) -> Erasure | None:
        """Read an erasure."""
        item = self._table.get(erasure_key(erasure_id), ERASURE)
        return erasure_from(item) if item else None

    def put(self, erasure: Erasure, *, amends: bool = False) -> None:
        """Write how an erasure stands, unless it has been completed.

        With *amends* it has been, and something was found since.
        """
        condition = None if amends else IS_NOT_COMPLETE
        with suppress(ConditionFailedError):
            self._table.put(self._erasure_item(erasure), condition)

    def counts_of(self, erasure_id: str, session_uuid: str) -> Item | None:
        """Read an erasure's counts of a session."""
        return self._table.get(erasure_key(erasure_id), session_key(session_uuid))

    def put_counts(
        self,
        erasure: Erasure,
        session_uuid: str,
        counts: Mapping[str, int],
        *,
        done: bool,
    ) -> None:
        """Write the counts of a session; *done* once nothing is left in it."""
        self._table.put(
            {
                "pk": erasure_key(erasure.erasure_id),
                "sk": session_key(session_uuid),
                "counts": dict(counts),
                "done": done,
                "purge_at": self._table.purge_at(erasure.requested_at + SLACK),
            }
        )

    def all_counts(self, erasure_id: str) -> dict[str, Item]:
        """Read all counts of an erasure, by session."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
            ExpressionAttributeValues=written_item(
                {":pk": erasure_key(erasure_id), ":part": session_key("")}
            ),
            ConsistentRead=True,
        )
        return {item["sk"].removeprefix(session_key("")): item for item in found}

    def tombstone(self, tenant_id: str, number_hash: str) -> Item | None:
        """Read the tombstone of a number, consistently."""
        return self._table.get(tombstone_key(tenant_id, number_hash), TOMBSTONE)

    def links_of(self, tenant_id: str, number_hash: str) -> Iterator[Item]:
        """List the links of a number: as a party, as a caller, in failed creates."""
        for key_of in (party_key, caller_key, attempt_key):
            yield from self._table.query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=written_item(
                    {":pk": key_of(tenant_id, number_hash)}
                ),
                ConsistentRead=True,
            )

    def _erasure_item(self, erasure: Erasure) -> Item:
        return {
            **erasure_item(erasure, self._table.purge_at(erasure.requested_at + SLACK)),
            "pk": erasure_key(erasure.erasure_id),
            "sk": ERASURE,
        }


def erasure_item(erasure: Erasure, purge_at: int) -> Item:
    """Build the item of an erasure, without its key."""
    item: Item = {
        "tenant_id": erasure.tenant_id,
        "number_hash": erasure.number_hash,
        "requested_at": stamp(erasure.requested_at),
        "swept_at": stamp(erasure.swept_at) if erasure.swept_at else None,
        "completed_at": stamp(erasure.completed_at) if erasure.completed_at else None,
        "found": dict(erasure.found) or None,
        "callback_url": erasure.callback_url,
        "callback_method": erasure.callback_method if erasure.callback_url else None,
        "purge_at": purge_at,
    }
    return {name: value for name, value in item.items() if value is not None}


def erasure_from(item: Item) -> Erasure:
    """Build an erasure from its item."""
    return Erasure(
        erasure_id=owner_of(item),
        tenant_id=item["tenant_id"],
        number_hash=item["number_hash"],
        requested_at=parse_stamp(item["requested_at"]),
        swept_at=parse_stamp(item["swept_at"]) if "swept_at" in item else None,
        completed_at=parse_stamp(item["completed_at"])
        if "completed_at" in item
        else None,
        found=item.get("found", {}),
        callback_url=item.get("callback_url"),
        callback_method=item.get("callback_method", "POST"),
    )
