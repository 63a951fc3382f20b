"""What erasing reads and writes in the table, beside what all others do.

Nobody else deletes items. Every read here is consistent: what is not seen is not
forgotten.

| access                       | request units (items up to 1 KB)                 |
|------------------------------|--------------------------------------------------|
| begin an erasure             | 4 write, in one transaction                      |
| walk the links of a number   | 1 read for each 4 KB, of three partitions        |
| erase a session              | 1 write for each item and 1 more for a callback; |
|                              | 2 for its tally                                  |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from masking.core.errors import StaleStateError
from masking.core.key_space import (
    ERASURE,
    REQUEST,
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
from masking.domain import due_work
from masking.domain.due_work import Schedule
from masking.domain.erasures import Erasure
from masking.domain.sessions import Session, Status
from masking.storage.attributes import written_item
from masking.storage.dynamo import IS_NEW, MOST_KEYS, ConditionFailedError
from masking.storage.table import IS_NOT_ERASED, Table

IS_SAME_MARKER = "erasure_id = :seen"
IS_NOT_COMPLETE = "attribute_not_exists(completed_at)"

# A create that is retried may outlive its reservation for as long as it is kept.
SLACK = timedelta(days=30)


class ErasureTable(Table):
    """The table, for the functions that erase."""

    # Erasures

    def begin_erasure(self, erasure: Erasure, seen: Item | None) -> None:
        """Write an erasure and its marker, both or none.

        *seen* is the marker that was there. Raises StaleStateError if another has come
        since.
        """
        purge_at = self._purge_at(erasure.requested_at + SLACK)
        marker = {
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
            "TableName": self._name,
            "Item": written_item(marker),
            **condition,
        }
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {"Put": marked},
                    {"Put": {"TableName": self._name, "Item": written_item(item)}},
                ]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            raise StaleStateError from None

    def erasure(self, erasure_id: str) -> Erasure | None:
        """Read an erasure."""
        item = self._get(erasure_key(erasure_id), ERASURE)
        return erasure_from(item) if item else None

    def keep_erasure(self, erasure: Erasure, *, amends: bool = False) -> None:
        """Write how an erasure stands, unless it has been completed.

        With *amends* it has been, and something was found since.
        """
        condition = None if amends else IS_NOT_COMPLETE
        with suppress(ConditionFailedError):
            self._put(self._erasure_item(erasure), condition)

    def tally(self, erasure_id: str, session_uuid: str) -> Item | None:
        """Read what an erasure has counted in a session."""
        return self._get(erasure_key(erasure_id), session_key(session_uuid))

    def put_tally(
        self,
        erasure: Erasure,
        session_uuid: str,
        counts: Mapping[str, int],
        *,
        done: bool,
    ) -> None:
        """Write what is counted in a session; *done* once nothing is left in it."""
        self._put(
            {
                "pk": erasure_key(erasure.erasure_id),
                "sk": session_key(session_uuid),
                "counts": dict(counts),
                "done": done,
                "purge_at": self._purge_at(erasure.requested_at + SLACK),
            }
        )

    def tallies(self, erasure_id: str) -> dict[str, Item]:
        """Read all tallies of an erasure, by session."""
        found = self._query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
            ExpressionAttributeValues=written_item(
                {":pk": erasure_key(erasure_id), ":part": session_key("")}
            ),
            ConsistentRead=True,
        )
        return {item["sk"].removeprefix(session_key("")): item for item in found}

    # What belongs to a number

    def links_of(self, tenant_id: str, number_hash: str) -> Iterator[Item]:
        """List the links of a number: as a party, as a caller, in failed creates."""
        for key_of in (party_key, caller_key, attempt_key):
            yield from self._query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=written_item(
                    {":pk": key_of(tenant_id, number_hash)}
                ),
                ConsistentRead=True,
            )

    def in_doubt(self, now: datetime) -> Iterator[Session]:
        """List the sessions of which the reconciler must find out what they became.

        Their numbers may have no link yet. As many are read as have a duty of the
        reconciler's that is due.
        """
        for shard in due_work.shards(Schedule.RECONCILE):
            due = self.due(shard, now)
            while batch := [each.session_uuid for each in islice(due, MOST_KEYS)]:
                for state in self.load_states(batch):
                    if state.status is not Status.EXPIRED:
                        yield self.load(state.session_uuid) or state

    def everything(self, session_uuid: str) -> list[Item]:
        """Read every item of a session."""
        return list(
            self._query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=written_item(
                    {":pk": session_key(session_uuid)}
                ),
                ConsistentRead=True,
            )
        )

    # Erasing

    def replace_callback(self, before: Item, after: Item) -> None:
        """Put a blanked callback in the place of another."""
        with suppress(ConditionFailedError):
            self._put(after, IS_NEW)
        self.delete(before["pk"], before["sk"])

    def delete_request(self, session_uuid: str) -> None:
        """Delete what was asked for."""
        self.delete(session_key(session_uuid), REQUEST)

    def blank_snapshot(self, blanked: Item) -> None:
        """Put the snapshot of a session that has been erased."""
        with suppress(ConditionFailedError):
            self._put(blanked, IS_NOT_ERASED)

    def purge_time(self, session: Session) -> int:
        """Say when the items of a session are purged, in seconds since 1970."""
        return self._ends(session)

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item; one that is gone already is a success."""
        self._client.delete_item(
            TableName=self._name, Key=written_item({"pk": pk, "sk": sk})
        )

    def _erasure_item(self, erasure: Erasure) -> Item:
        return {
            **erasure_item(erasure, self._purge_at(erasure.requested_at + SLACK)),
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
    )
