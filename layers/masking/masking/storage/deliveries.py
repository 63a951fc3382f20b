"""Deliveries of events to apps: one write for each attempt.

A second one notes an attempt before it is begun, where one may have broken a worker:
the message was received before, the server fails, or its tenant's are slow.
"""

from __future__ import annotations

from datetime import datetime

from masking.core.key_space import (
    DELIVERY,
    Item,
    name_of,
    owner_of,
    part_key,
    session_key,
)
from masking.core.times import parse_stamp, stamp
from masking.domain.deliveries import Delivery, Status
from masking.storage.table import (
    Table,
)


class DeliveryStore:
    """How the delivery of each event stands."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, session_uuid: str, event_id: str, item: Item, now: datetime) -> None:
        """Write how a delivery stands.

        It is purged with its session; without one, its retention counts from *now*.
        """
        self._table.put(
            {
                **item,
                "pk": session_key(session_uuid),
                "sk": part_key(DELIVERY, event_id),
                "purge_at": item.get("purge_at") or self._table.purge_at(now),
            }
        )

    def get(self, session_uuid: str, event_id: str) -> Item | None:
        """Read a delivery."""
        return self._table.get(session_key(session_uuid), part_key(DELIVERY, event_id))

    def of_session(self, session_uuid: str) -> list[Item]:
        """Read all deliveries of a session."""
        return self._table.parts(
            session_key(session_uuid), part_key(DELIVERY, ""), consistent=False
        )


# In the keys of the item already.
IN_KEY = ("id", "session_uuid", "tenant_id", "type")


def delivery_item(delivery: Delivery) -> Item:
    """Build the item of a delivery, without its key."""
    item = {
        "tenant_id": delivery.tenant_id,
        "type": delivery.type,
        "url_name": delivery.url_name,
        "event": {k: v for k, v in delivery.event.items() if k not in IN_KEY},
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "first_at": stamp(delivery.first_at),
        "deadline": stamp(delivery.deadline),
        "last_at": stamp(delivery.last_at) if delivery.last_at else None,
        "next_at": stamp(delivery.next_at) if delivery.next_at else None,
        "begun_at": stamp(delivery.begun_at) if delivery.begun_at else None,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "purge_at": delivery.purge_at,
    }
    return {name: value for name, value in item.items() if value is not None}


def delivery_from(item: Item) -> Delivery:
    """Build a delivery from its item."""
    return Delivery(
        session_uuid=owner_of(item),
        tenant_id=item["tenant_id"],
        event_id=name_of(item),
        type=item["type"],
        url_name=item["url_name"],
        event=item["event"],
        status=Status(item["status"]),
        attempts=item["attempts"],
        first_at=parse_stamp(item["first_at"]),
        deadline=parse_stamp(item["deadline"]),
        last_at=parse_stamp(item["last_at"]) if "last_at" in item else None,
        next_at=parse_stamp(item["next_at"]) if "next_at" in item else None,
        begun_at=parse_stamp(item["begun_at"]) if "begun_at" in item else None,
        last_status=item.get("last_status"),
        last_error=item.get("last_error"),
        purge_at=item.get("purge_at"),
    )
