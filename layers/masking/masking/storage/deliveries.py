"""The part of the table that is about deliveries to apps and how their servers fare."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from masking.core.key_space import (
    DELIVERY,
    PAUSE,
    Item,
    name_of,
    owner_of,
    part_key,
    session_key,
)
from masking.core.times import parse_stamp, stamp
from masking.domain.deliveries import Delivery, Status
from masking.storage.dynamo import ConditionFailedError, Store

# For how long it is remembered that an app's server failed.
ENDPOINT_SECONDS = 7 * 86_400

# DynamoDB keeps the word for itself.
UNTIL = {"#until": "until"}


# In the keys of the item already.
IN_KEY = ("id", "session_uuid", "tenant_id", "type")


class DeliveryTable(Store):
    """Deliveries: one write for each attempt, one more where it fails."""

    def put_delivery(
        self, session_uuid: str, event_id: str, item: Item, now: datetime
    ) -> None:
        """Write how a delivery stands."""
        self._put(
            {
                **item,
                "pk": session_key(session_uuid),
                "sk": part_key(DELIVERY, event_id),
                "purge_at": self._purge_at(now, item.get("retention_days")),
            }
        )

    def delivery(self, session_uuid: str, event_id: str) -> Item | None:
        """Read a delivery."""
        return self._get(session_key(session_uuid), part_key(DELIVERY, event_id))

    def deliveries(self, session_uuid: str) -> list[Item]:
        """Read all deliveries of a session."""
        return self._parts(
            session_key(session_uuid), part_key(DELIVERY, ""), consistent=False
        )

    def endpoint(self, endpoint: str) -> Item | None:
        """Read how an app's server fares; None if it has not failed lately."""
        return self._get(endpoint, PAUSE, consistent=False)

    def count_failure(self, endpoint: str, now: datetime) -> Item:
        """Count one more failure in a row; give how the server fares now."""
        return self._update(
            (endpoint, PAUSE),
            "ADD failures :one SET purge_at = :purge_at",
            {":one": 1, ":purge_at": int(now.timestamp()) + ENDPOINT_SECONDS},
            gives="ALL_NEW",
        )

    def put_pause(self, endpoint: str, until: datetime, pauses: int) -> None:
        """Leave an endpoint alone, for the time *pauses*, unless somebody just did."""
        with suppress(ConditionFailedError):
            self._update(
                (endpoint, PAUSE),
                "SET #until = :until, pauses = :pauses",
                {":until": stamp(until), ":pauses": pauses},
                "attribute_not_exists(pauses) OR pauses < :pauses",
                names=UNTIL,
            )

    def forget_failures(self, endpoint: str) -> None:
        """Forget that an app's server failed."""
        self._update(
            (endpoint, PAUSE),
            "SET failures = :none REMOVE #until, pauses",
            {":none": 0},
            names=UNTIL,
        )


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
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "retention_days": delivery.retention_days,
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
        last_status=item.get("last_status"),
        last_error=item.get("last_error"),
        retention_days=item.get("retention_days"),
    )
