"""The one module that reads and writes the table; `items` knows what is in it.

| access                               | request units (items up to 1 KB)         |
|--------------------------------------|------------------------------------------|
| reserve                              | 3 write (state, its duty, request)       |
| confirm                              | 3 write (state, the duty moves)          |
| begin and finish an update           | 3 + 3 write; the duty moves to the check |
|                                      | and back, see docs/decisions.md          |
| expire                               | 3 write (state, the duty moves)          |
| settle, two fetches that agree       | 1 write for each KB of calls, 2 write    |
|                                      | (state, the duty goes)                   |
| a round of the reconciler            | 2 write                                  |
| callback                             | 1 write, 1 read                          |
| recording: announced, claimed, closed| 1 write each, 1 read before each         |
| get a session                        | 1 read for each 4 KB of state, request   |
| a wrong PIN, beside its callback     | 1 write                                  |
| due duties, none due                 | 0.5 read for each of 16 shards           |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from masking.core.errors import SessionTakenError, StaleStateError
from masking.core.key_space import (
    ASPECT,
    CALLBACK,
    RECONCILIATION,
    RECORDING,
    REQUEST,
    SNAPSHOT,
    STATE,
    TOMBSTONE,
    Item,
    is_part,
    owner_of,
    part_key,
    reconciliation_key,
    session_key,
    tombstone_key,
)
from masking.core.times import stamp
from masking.domain import sessions
from masking.domain.sessions import Session
from masking.storage.attributes import read_item, written_item
from masking.storage.callbacks import CallbackTable
from masking.storage.deliveries import DeliveryTable
from masking.storage.dynamo import IS_NEW, IS_THERE, IS_UNCHANGED, ConditionFailedError
from masking.storage.recordings import RecordingTable
from masking.storage.session_items import Listing, session_from, state_item
from masking.storage.tenants import TenantTable

IS_AS_FETCHED = "fetched_at = :seen"
WAS_NEVER_FETCHED = "attribute_not_exists(fetched_at)"
IS_NOT_ERASED = "attribute_not_exists(erased)"


@dataclass(frozen=True)
class Due:
    """A session whose duty is due, as the index says (which may be stale)."""

    session_uuid: str
    due_at: str


@dataclass(frozen=True)
class Whole:
    """A session with what was asked for, and all that Plivo told of it."""

    session: Session
    callbacks: tuple[Item, ...]
    recordings: tuple[Item, ...]


class Table(RecordingTable, DeliveryTable, CallbackTable):
    """The table *name*; *retention* is how long a session is kept after its end.

    A session's own retention, which it has from its tenant, comes before that.
    """

    @cached_property
    def tenants(self) -> TenantTable:
        """Give what is about tenants."""
        return TenantTable(self._client, self._name, self._retention)

    # Sessions

    def reserve(self, session: Session) -> None:
        """Write a new session. Raises SessionTakenError if it is there already."""
        try:
            self._put(state_item(session, self._ends(session)), IS_NEW)
        except ConditionFailedError:
            raise SessionTakenError from None
        self.put_request(session)

    def put_request(self, session: Session) -> None:
        """Write what was asked for; writing it twice changes nothing."""
        lifetime = timedelta(seconds=session.asked.get("session_expiry", 0))
        ends = session.reserved_at + lifetime + sessions.REQUEST_SLACK
        self._put(
            {
                "pk": session_key(session.session_uuid),
                "sk": REQUEST,
                "asked": dict(session.asked),
                "purge_at": self._purge_at(ends, session.retention_days),
            }
        )

    def replace(self, before: Session, after: Session) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by."""
        try:
            self._put(
                state_item(after, self._ends(after)),
                IS_UNCHANGED,
                {":seen": before.version},
            )
        except ConditionFailedError:
            raise StaleStateError from None
        self._keep_request(after)

    def load(self, session_uuid: str) -> Session | None:
        """Read a session with what was asked for, consistently."""
        found = self._parts(session_key(session_uuid), part_key(ASPECT, ""))
        items = {item["sk"]: item for item in found}
        if STATE not in items:
            return None
        return session_from(items[STATE], items.get(REQUEST), items.get(SNAPSHOT))

    def load_whole(self, session_uuid: str) -> Whole | None:
        """Read a session with its callbacks and recordings, consistently."""
        items = list(
            self._query(
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues=written_item(
                    {
                        ":pk": session_key(session_uuid),
                        ":first": part_key(ASPECT, ""),
                        ":last": part_key(RECORDING, "~"),
                    }
                ),
                ConsistentRead=True,
            )
        )
        parts = {item["sk"]: item for item in items}
        if STATE not in parts:
            return None
        return Whole(
            session_from(parts[STATE], parts.get(REQUEST), parts.get(SNAPSHOT)),
            tuple(item for item in items if is_part(CALLBACK, item)),
            tuple(item for item in items if is_part(RECORDING, item)),
        )

    def load_state(self, session_uuid: str) -> Session | None:
        """Read a session without what was asked for, consistently."""
        item = self._get(session_key(session_uuid), STATE)
        return session_from(item) if item else None

    def load_states(self, session_uuids: Sequence[str]) -> list[Session]:
        """Read up to 100 sessions without what was asked for, in the order given.

        Half a request unit each: what was written in the last second may be missing.
        """
        wanted: list[Any] = [
            written_item({"pk": session_key(session_uuid), "sk": STATE})
            for session_uuid in session_uuids
        ]
        found: dict[str, Session] = {}
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={self._name: {"Keys": wanted}}
            )
            for item in answer["Responses"].get(self._name, []):
                session = session_from(read_item(item))
                found[session.session_uuid] = session
            left = answer["UnprocessedKeys"].get(self._name)
            wanted = list(left["Keys"]) if left else []
        return [found[uuid] for uuid in session_uuids if uuid in found]

    def listed(
        self, place: Listing, *, at_most: str, at_least: str, most: int
    ) -> list[str]:
        """List up to *most* keys of a listing, newest first, between two keys."""
        names = {"#place": place.attribute, "#at": place.sort_attribute}
        index: Any = {"IndexName": place.index} if place.index else {}
        answer = self._client.query(
            TableName=self._name,
            **index,
            KeyConditionExpression="#place = :place AND #at BETWEEN :least AND :most",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=written_item(
                {":place": place.value, ":least": at_least, ":most": at_most}
            ),
            ScanIndexForward=False,
            Limit=most,
        )
        return [read_item(item)[place.sort_attribute] for item in answer["Items"]]

    def due(self, shard: str, now: datetime, after: Due | None = None) -> Iterator[Due]:
        """List the sessions of a shard whose duty is due, the oldest first.

        Begins behind the place of *after*, whether or not it is still there.
        """
        for item in self._query(
            IndexName="duties",
            KeyConditionExpression="duty_shard = :shard AND duty_at <= :now",
            ExpressionAttributeValues=written_item(
                {":shard": shard, ":now": stamp(now)}
            ),
            **_behind(shard, after),
        ):
            yield Due(owner_of(item), item["duty_at"])

    # Settlement

    def snapshot(self, session_uuid: str) -> Item | None:
        """Read what Plivo last said about an expired session."""
        return self._get(session_key(session_uuid), SNAPSHOT)

    def put_snapshot(self, session: Session, item: Item, seen: str | None) -> None:
        """Keep what Plivo said; *seen* is the time of the snapshot that was read.

        Raises StaleStateError if another has been written since, or if the session
        has been erased without *session* knowing.
        """
        condition = IS_AS_FETCHED if seen else WAS_NEVER_FETCHED
        erased = {"erased": True} if session.erased_at else {}
        try:
            self._put(
                {
                    **item,
                    **erased,
                    "pk": session_key(session.session_uuid),
                    "sk": SNAPSHOT,
                    "purge_at": self._ends(session),
                },
                condition if erased else f"{condition} AND {IS_NOT_ERASED}",
                {":seen": seen} if seen else None,
            )
        except ConditionFailedError:
            raise StaleStateError from None

    # Rounds

    def begin_round(self, name: str, now: datetime, until: datetime) -> Item | None:
        """Take the lease of a round; gives where the last one stopped.

        None if somebody has it.
        """
        try:
            return self._update(
                (reconciliation_key(name), RECONCILIATION),
                "SET lease_until = :until",
                {":until": stamp(until), ":now": stamp(now)},
                "attribute_not_exists(lease_until) OR lease_until <= :now",
                gives="ALL_OLD",
            )
        except ConditionFailedError:
            return None

    def end_round(self, name: str, until: datetime, stopped: Item) -> None:
        """Give the lease back and keep where the round *stopped*."""
        with suppress(ConditionFailedError):
            self._put(
                {**stopped, "pk": reconciliation_key(name), "sk": RECONCILIATION},
                "lease_until = :until",
                {":until": stamp(until)},
            )

    # Items of the stream that are looked at once more

    def change(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Read an item as the stream would give it."""
        answer = self._client.get_item(
            TableName=self._name,
            Key=written_item({"pk": pk, "sk": sk}),
            ConsistentRead=True,
        )
        return dict(answer["Item"]) if "Item" in answer else None

    # Links

    def link(self, pk: str, sk: str, **attributes: Any) -> None:
        """Write a link item; writing it twice changes nothing."""
        self._put({"pk": pk, "sk": sk, **attributes})

    def marker(self, tenant_id: str, number_hash: str) -> Item | None:
        """Read since when a number is to be forgotten, consistently."""
        return self._get(tombstone_key(tenant_id, number_hash), TOMBSTONE)

    def has_link(self, pk: str, sk: str) -> bool:
        """Say whether a link is there."""
        return self._get(pk, sk, consistent=False) is not None

    # Items

    def _keep_request(self, session: Session) -> None:
        """Let the request outlive a session that was extended beyond its slack."""
        if session.expiry_time is None or not session.asked:
            return
        lifetime = timedelta(seconds=session.asked.get("session_expiry", 0))
        ends = session.reserved_at + lifetime + sessions.REQUEST_SLACK
        if session.expiry_time > ends:
            with suppress(ConditionFailedError):
                self._update(
                    (session_key(session.session_uuid), REQUEST),
                    "SET purge_at = :at",
                    {":at": self._ends(session)},
                    IS_THERE,
                )

    def _ends(self, session: Session) -> int:
        ends = session.expiry_time or session.reserved_at
        return self._purge_at(ends, session.retention_days)


def _behind(shard: str, due: Due | None) -> dict[str, Any]:
    if due is None:
        return {}
    place = {
        "pk": session_key(due.session_uuid),
        "sk": STATE,
        "duty_shard": shard,
        "duty_at": due.due_at,
    }
    return {"ExclusiveStartKey": written_item(place)}
