"""Describe histories, calls as told by callbacks, and deliveries as JSON Schema."""

from __future__ import annotations

from masking.domain.deliveries import Status
from stack.openapi.shapes import (
    COUNT,
    MONEY,
    TEXT,
    TIME,
    UUID,
    Schema,
    component,
    envelope,
    nullable,
    whole,
)

DELIVERY_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ROLE = nullable({"type": "string", "enum": ["first", "second", "unknown"]})


def components() -> dict[str, Schema]:
    """Give the schemas of histories and deliveries by their names."""
    page = whole({"limit": COUNT, "next": nullable(TEXT)})
    return {
        "ToldCall": _call(),
        "HistoryEvent": _event(),
        "HistoryPage": envelope(
            meta=page,
            objects={"type": "array", "items": component("HistoryEvent")},
        ),
        "Delivery": _delivery(),
        "DeliveryPage": envelope(
            meta=page, objects={"type": "array", "items": component("Delivery")}
        ),
        "DeliveryAnswer": envelope(delivery=component("Delivery")),
    }


def _call() -> Schema:
    pin = whole({"outcome": TEXT, "tries": COUNT})
    return whole(
        {
            "ordinal": COUNT,
            "certainty": {"type": "string", "enum": ["certain", "inferred", "settled"]},
            "caller": ROLE,
            "callee": ROLE,
            "outcome": TEXT,
            "started_at": nullable(TIME),
            "answered_at": nullable(TIME),
            "ended_at": nullable(TIME),
            "ring_seconds": nullable(COUNT),
            "talk_seconds": COUNT,
            "pin": nullable(pin),
            "hung_up_by": ROLE,
            "hangup_cause": nullable(TEXT),
            "hangup_code": nullable(COUNT),
            "hangup_meaning": nullable(TEXT),
            "billed_seconds": nullable(COUNT),
            "amount": nullable(MONEY),
            "recordings": {"type": "array", "items": TEXT},
        },
        description="A call as Plivo's callbacks tell it.",
    )


def _event() -> Schema:
    return whole(
        {
            "event_id": DIGEST,
            "name": {**TEXT, "description": "Plivo's name of it."},
            "type": nullable({**TEXT, "description": "The event of ours that it is."}),
            "occurred_at": nullable(TIME),
            "received_at": TIME,
            "sequence_number": nullable(COUNT),
            "from": ROLE,
            "to": ROLE,
            "call": nullable({**COUNT, "description": "Ordinal of its call."}),
            "attributes": {
                "type": "object",
                "description": "Plivo's attributes, numbers masked.",
            },
            "came": {"type": "object", "description": "How it came and was proven."},
        },
        description="One callback of Plivo's.",
    )


def _delivery() -> Schema:
    return whole(
        {
            "id": DELIVERY_ID,
            "event_id": UUID,
            "type": TEXT,
            "session_uuid": UUID,
            "sent_to": {
                "type": "string",
                "enum": ["callback_url", "recording_callback_url"],
            },
            "status": {"type": "string", "enum": [status.value for status in Status]},
            "attempts": COUNT,
            "first_at": TIME,
            "last_at": nullable(TIME),
            "next_at": nullable(TIME),
            "deadline": TIME,
            "last_status": nullable(COUNT),
            "last_error": nullable(TEXT),
        },
        description="An event on its way to the app.",
    )
