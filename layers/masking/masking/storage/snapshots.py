"""Snapshots: what Plivo said of the calls of a session that is over.

    parts (new names) ──> head, if it is as it was read ──> parts of before go

Where the calls are too many for one item they are in parts. The head names those that
belong together and is written last, so a reader finds all of one fetch or all of the
one before; a part under its name never changes. One that was killed in between leaves
parts that no head names: they are purged with the session, and erased with it.

| access               | request units                                             |
|----------------------|-----------------------------------------------------------|
| put                  | 1 write for each KB; in parts, of those that have changed,|
|                      | and 1 more for each 1 KB of the head and each part of     |
|                      | before                                                    |
| read                 | 1 read for each 4 KB                                      |
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from masking.core.errors import StaleStateError
from masking.core.key_space import (
    SNAPSHOT,
    SNAPSHOT_PART,
    STATE,
    Item,
    owner_of,
    part_key,
    session_key,
)
from masking.domain.sessions import Session
from masking.storage.redacted_items import redacted_snapshot
from masking.storage.snapshot_items import (
    SnapshotItems,
    parts_of,
    snapshot_items,
    whole_item,
)
from masking.storage.table import ConditionFailedError, Table, between

IS_AS_FETCHED = "fetched_at = :seen"
WAS_NEVER_FETCHED = "attribute_not_exists(fetched_at)"
IS_NOT_ERASED = "attribute_not_exists(erased)"

# How often a snapshot is read that is replaced meanwhile.
MOST_TRIES = 3


class SnapshotStore:
    """Snapshots, each with its calls in its item or in parts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self, session_uuid: str) -> Item | None:
        """Read, consistently, the last snapshot; its calls may be in parts."""
        found = self._table.query(
            **between(session_key(session_uuid), SNAPSHOT, SNAPSHOT)
        )
        return next(found, None)

    def calls(self, head: Item) -> list[dict[str, Any]] | None:
        """Return the calls of a snapshot; None if it has been replaced meanwhile."""
        parts = parts_of(head)
        return self.calls_in(head, parts) if parts else list(head["calls"])

    def calls_in(
        self, head: Item, parts: Sequence[Item]
    ) -> list[dict[str, Any]] | None:
        """Read the calls of *parts* of a snapshot that follow on each other.

        Returns None if it has been replaced meanwhile.
        """
        first, last = (
            part_key(SNAPSHOT_PART, part["name"].partition("#")[0])
            for part in (parts[0], parts[-1])
        )
        found = {
            item["sk"]: item["calls"]
            for item in self._table.query(**between(head["pk"], first, f"{last}~"))
        }
        wanted = [part_key(SNAPSHOT_PART, part["name"]) for part in parts]
        if not found.keys() >= set(wanted):
            return None
        return [call for key in wanted for call in found[key]]

    def completed(self, items: Sequence[Item]) -> list[Item]:
        """Return items of a session whose snapshot has all its calls.

        If calls are missing, as of a session that is being purged, it is one that is
        not settled: its calls are those that its callbacks tell of.
        """
        rest = [item for item in items if item["sk"] != SNAPSHOT]
        head = next((item for item in items if item["sk"] == SNAPSHOT), None)
        for _ in range(MOST_TRIES):
            if head is None:
                return rest
            calls = self.calls(head)
            if calls is not None:
                return [*rest, {**head, "calls": calls}]
            head = self.head(owner_of(head))
        return [
            {k: v for k, v in item.items() if item["sk"] != STATE or k != "settled"}
            for item in rest
        ]

    def put(
        self, session: Session, item: Item, before: Item | None, purge_at: int
    ) -> None:
        """Write a snapshot; *before* is the head of the one that was read.

        Raises StaleStateError if another has been written since, or if the session
        has been erased without *session* knowing.
        """
        seen = before.get("fetched_at") if before else None
        condition = IS_AS_FETCHED if seen else WAS_NEVER_FETCHED
        erased = {"erased": True} if session.erased_at else {}
        items = snapshot_items(
            session.session_uuid,
            {**item, **erased, "purge_at": purge_at},
            before,
            _new_generation(),
        )
        try:
            self._write(
                session.session_uuid,
                items,
                condition if erased else f"{condition} AND {IS_NOT_ERASED}",
                {":seen": seen} if seen else None,
            )
        except ConditionFailedError:
            raise StaleStateError from None
        named = {part["name"] for part in parts_of(items.head)}
        self._remove(
            session.session_uuid,
            (part["name"] for part in parts_of(before) if part["name"] not in named),
        )

    # Erasing

    def redact(self, session_uuid: str, known: Item | None, purge_at: int) -> None:
        """Write the redacted snapshot of a session that has been erased.

        *known* is the head of the one that was read, None if there was none.
        """
        head, calls = known, self.calls(known) if known else []
        for _ in range(MOST_TRIES):
            if calls is not None or head is None:
                break
            head = self.head(session_uuid)
            calls = self.calls(head) if head else []
        whole = {**whole_item(head), "calls": calls or []} if head else None
        redacted = redacted_snapshot(session_uuid, whole, purge_at)
        items = snapshot_items(session_uuid, redacted, None, _new_generation())
        with suppress(ConditionFailedError):
            self._write(session_uuid, items, IS_NOT_ERASED)

    def remove_unredacted(self, session_uuid: str) -> None:
        """Remove what settlements have left that did not know of the erasure."""
        found = self._table.parts(
            session_key(session_uuid), part_key(SNAPSHOT_PART, "")
        )
        left = [item["sk"] for item in found if "erased" not in item]
        self._remove(session_uuid, (sk.partition("#")[2] for sk in left))

    def _write(
        self,
        session_uuid: str,
        items: SnapshotItems,
        condition: str,
        values: Item | None = None,
    ) -> None:
        """Write the items of a snapshot; those that have lost go again.

        Raises ConditionFailedError.
        """
        for part in items.parts:
            self._table.put(part)
        try:
            self._table.put(items.head, condition, values)
        except ConditionFailedError:
            names = (part["sk"].partition("#")[2] for part in items.parts)
            self._remove(session_uuid, names)
            raise

    def _remove(self, session_uuid: str, names: Iterable[str]) -> None:
        for name in names:
            self._table.delete(session_key(session_uuid), part_key(SNAPSHOT_PART, name))


def _new_generation() -> str:
    return secrets.token_hex(8)
