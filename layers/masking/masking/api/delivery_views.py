"""How deliveries look to the app."""

from __future__ import annotations

import uuid
from typing import Any

from masking.core.times import stamp
from masking.domain.deliveries import Delivery


def envelope(delivery: Delivery) -> dict[str, Any]:
    """Return the answer to a replay."""
    return {"api_id": str(uuid.uuid4()), "delivery": delivery_view(delivery)}


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as JSON values."""
    return {
        "id": delivery.delivery_id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "session_uuid": None if delivery.is_of_erasure else delivery.session_uuid,
        "erasure_id": delivery.session_uuid if delivery.is_of_erasure else None,
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
