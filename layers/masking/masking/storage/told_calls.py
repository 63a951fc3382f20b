"""What was told of calls that ended.

| access                       | request units                          |
|------------------------------|----------------------------------------|
| a call's end is told         | 1 write, 1 read                        |
| it is told again, corrected  | 1 write, 1 read                        |
| all calls of a settlement    | 1 read for about ten, 1 write for each |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from masking.core import telemetry
from masking.core.errors import StaleStateError
from masking.core.key_space import CALL, Item, part_key, session_key
from masking.core.times import parse_stamp, stamp
from masking.domain.told_calls import APART, ToldCall
from masking.storage.table import IS_NEW, ConditionFailedError, Table, between

IS_AS_TOLD = "turn = :turn"


class ToldCallStore:
    """Calls that were told, by their session and their end."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def near(
        self, session_uuid: str, began: datetime, ended: datetime
    ) -> list[ToldCall]:
        """Read, consistently, what was told of calls that ended in a span of time.

        What can't be read is passed over: it takes no other call with it.
        """
        first = part_key(CALL, stamp(began - APART))
        last = part_key(CALL, stamp(ended + APART)) + "~"
        found = self._table.query(**between(session_key(session_uuid), first, last))
        return list(_readable(found))

    def of_session(self, session_uuid: str) -> list[ToldCall]:
        """Read, consistently, what was told of all calls of a session, as `near`."""
        return list(
            _readable(self._table.parts(session_key(session_uuid), part_key(CALL, "")))
        )

    def put(
        self, session_uuid: str, told: ToldCall, before: ToldCall | None, purge_at: int
    ) -> None:
        """Write what was told. Raises StaleStateError if another was faster."""
        item = told_call_item(session_uuid, told, purge_at)
        try:
            if before is None:
                self._table.put(item, IS_NEW)
            else:
                self._table.put(item, IS_AS_TOLD, {":turn": before.turn})
        except ConditionFailedError:
            raise StaleStateError from None


def _readable(items: Iterable[Item]) -> Iterator[ToldCall]:
    for item in items:
        try:
            yield told_call_from(item)
        except (KeyError, TypeError, ValueError, AttributeError):
            telemetry.count("ToldCallUnreadable")
            telemetry.logger().error("told call not readable")


def told_call_item(session_uuid: str, told: ToldCall, purge_at: int) -> Item:
    """Build the item of a call that was told."""
    return {
        "pk": session_key(session_uuid),
        "sk": part_key(CALL, f"{stamp(told.ended)}#{told.call_id}"),
        "began": stamp(told.began),
        "first_cause": told.first_cause,
        "cause": told.cause,
        "told": dict(told.told),
        "turn": told.turn,
        "purge_at": purge_at,
    }


def told_call_from(item: Item) -> ToldCall:
    """Build a call that was told from its item."""
    _, ended, call_id = item["sk"].split("#")
    return ToldCall(
        call_id=call_id,
        ended=parse_stamp(ended),
        began=parse_stamp(item["began"]),
        first_cause=item["first_cause"],
        cause=item["cause"],
        told=dict(item["told"]),
        turn=int(item["turn"]),
    )
