"""Deliveries as the table has them, as the API shows them, and their events rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from masking import events, story
from masking.deliveries import Delivery, Status
from masking.items import Item, moment, name_of, owner_of, stamp
from masking.story import call_view
from masking.table import Whole

# What the key says already, and what Plivo told, is not in the event as it is kept.
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
        first_at=moment(item["first_at"]),
        deadline=moment(item["deadline"]),
        last_at=moment(item["last_at"]) if "last_at" in item else None,
        next_at=moment(item["next_at"]) if "next_at" in item else None,
        last_status=item.get("last_status"),
        last_error=item.get("last_error"),
        retention_days=item.get("retention_days"),
    )


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """Give a delivery as JSON values."""
    return {
        "id": delivery.delivery_id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "session_uuid": delivery.session_uuid,
        "sent_to": delivery.url_name,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "first_at": stamp(delivery.first_at),
        "last_at": stamp(delivery.last_at) if delivery.last_at else None,
        "next_at": stamp(delivery.next_at) if delivery.next_at else None,
        "deadline": stamp(delivery.deadline),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }


def detail_of(delivery: Delivery, whole: Whole) -> Mapping[str, Any]:
    """Give the event again that a delivery was of, under the same id.

    What Plivo told is read from the callback; the call is told as it is known now.
    """
    detail: dict[str, Any] = {
        **delivery.event,
        "id": delivery.event_id,
        "type": delivery.type,
        "session_uuid": delivery.session_uuid,
        "tenant_id": delivery.tenant_id,
        "labels": dict(whole.session.labels),
        "webhook": delivery.url_name,
    }
    digest = delivery.event.get("callback")
    kept = next((i for i in whole.callbacks if name_of(i) == digest), None)
    if kept:
        detail["carrier_event"] = events.impersonal(kept["attributes"])
        told = story.story_of(whole.callbacks, whole.session)
        call = told.call_of(str(digest))
        if call:
            detail["call"] = call_view(call)
    return detail
