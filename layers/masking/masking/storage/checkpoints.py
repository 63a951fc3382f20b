"""Checkpoints: how many calls of a long session there were before a time.

They hold times and counts and nothing of a person, so that an erasure leaves them.

| access                           | request units                             |
|----------------------------------|-------------------------------------------|
| make one                         | 1 write                                   |
| find the last before a time      | 1 read                                    |
| count calls anew, for a callback | 1 read for each 4 KB of those that follow |
| that came late                   | it, 1 write for each whose count changes  |
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

from masking.core.key_space import CHECKPOINT, Item, part_key, session_key
from masking.core.times import parse_stamp, stamp
from masking.domain.checkpoints import BEGINNING, Checkpoint
from masking.storage.table import IS_NEW, ConditionFailedError, Table, between

FIRST = part_key(CHECKPOINT, "")
LAST = part_key(CHECKPOINT, "~")

# How many are asked for to find one that is not gone.
SOME = 4

IS_FREE = f"{IS_NEW} OR is_gone = :gone"

MOMENT = timedelta(microseconds=1)


class CheckpointStore:
    """Checkpoints by their session and their time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def before(
        self, session_uuid: str, at: datetime | None = None, *, back: int = 1
    ) -> Checkpoint:
        """Return the last checkpoint before a time; without *at*, the last of all.

        With *back* it is the last but so many. It is the beginning of the session if
        there is none.
        """
        last = part_key(CHECKPOINT, stamp(at - MOMENT)) if at else LAST
        request = between(session_key(session_uuid), FIRST, last)
        found = self._table.query(Limit=SOME, ScanIndexForward=False, **request)
        there = (each for each in map(_checkpoint_from, found) if not each.is_gone)
        return next(islice(there, back - 1, None), BEGINNING)

    def after(self, session_uuid: str, at: datetime) -> list[Checkpoint]:
        """Return, consistently, the checkpoints after a time, the first one first."""
        first = part_key(CHECKPOINT, stamp(at + MOMENT))
        found = self._table.query(**between(session_key(session_uuid), first, LAST))
        return [each for each in map(_checkpoint_from, found) if not each.is_gone]

    def put_new(self, session_uuid: str, made: Checkpoint, purge_at: int) -> None:
        """Write a checkpoint unless one of that time is there and not gone."""
        with suppress(ConditionFailedError):
            item = _item_of(session_uuid, made)
            self._table.put({**item, "purge_at": purge_at}, IS_FREE, {":gone": True})

    def replace(self, session_uuid: str, after: Checkpoint, purge_at: int) -> None:
        """Write a checkpoint in the place of the one of its time."""
        self._table.put({**_item_of(session_uuid, after), "purge_at": purge_at})


def _item_of(session_uuid: str, made: Checkpoint) -> Item:
    return {
        "pk": session_key(session_uuid),
        "sk": part_key(CHECKPOINT, stamp(made.at)),
        "calls": made.calls,
        "since_last": made.since_last,
        "is_whole": made.is_whole,
        **({} if made.number is None else {"number": made.number}),
        **({"is_gone": True} if made.is_gone else {}),
    }


def _checkpoint_from(item: Item) -> Checkpoint:
    return Checkpoint(
        at=parse_stamp(str(item["sk"]).partition("#")[2]),
        calls=item["calls"],
        since_last=item["since_last"],
        is_whole=bool(item.get("is_whole")),
        number=item.get("number"),
        is_gone=bool(item.get("is_gone")),
    )
