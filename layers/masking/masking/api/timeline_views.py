"""How a session's calls and callbacks look to the app: without personal numbers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from masking.api import pages
from masking.api.session_views import session_view
from masking.core import amounts
from masking.core.key_space import Item
from masking.core.times import rfc3339
from masking.domain import plivo_events
from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import Call
from masking.domain.timeline import Timeline

if TYPE_CHECKING:
    from masking.storage.histories import CallsRead


def call_view(call: Call) -> dict[str, Any]:
    """Return a call as JSON values: times in RFC 3339, the amount as a string.

    Its ordinal is provisional until its certainty is `settled`, and null where it is
    not known how many calls were before it.
    """
    return {
        "ordinal": call.ordinal if call.is_counted else None,
        "certainty": call.certainty,
        "caller": call.caller,
        "callee": call.callee,
        "outcome": call.outcome,
        "started_at": rfc3339(call.started_at),
        "answered_at": rfc3339(call.answered_at),
        "ended_at": rfc3339(call.ended_at),
        "ring_seconds": call.ring_seconds,
        "talk_seconds": call.talk_seconds,
        "pin": {"outcome": call.pin.outcome, "tries": call.pin.tries}
        if call.pin
        else None,
        "hung_up_by": call.hung_up_by,
        "hangup_cause": call.hangup_cause,
        "hangup_code": call.hangup_code,
        "hangup_meaning": call.hangup_meaning,
        "billed_seconds": call.billed_seconds,
        "amount": amounts.money_text(call.amount),
        "currency": amounts.CURRENCY,
        "recordings": list(call.recordings),
    }


def event_view(
    event: CallbackEvent,
    item: Item,
    timeline: Timeline,
    parties: Mapping[str, str | None],
) -> dict[str, Any]:
    """Return one callback as JSON values; personal numbers are roles, or masked."""
    attributes = event.attributes
    call = timeline.call_of(event.digest)
    return {
        "event_id": event.digest,
        "name": event.name,
        "type": plivo_events.type_of(attributes),
        "occurred_at": rfc3339(event.told_at),
        "received_at": item.get("received_at"),
        "sequence_number": event.sequence,
        "from": plivo_events.role_of(attributes.get("From"), parties),
        "to": plivo_events.callee_role_of(attributes.get("To"), parties),
        "call": call.ordinal if call else None,
        "attributes": plivo_events.masked_for_tenant(attributes),
        "came": item.get("came", {}),
    }


def session_with_calls(found: CallsRead, now: datetime) -> dict[str, Any]:
    """Return a session in the envelope of Plivo's get, with its calls.

    Of a long session they are the newest; a cursor leads to those before them.
    """
    earlier = pages.cursor_of([found.since.isoformat()]) if found.since else None
    return {
        "api_id": str(uuid.uuid4()),
        "session": {
            **session_view(found.session, now),
            "calls": [call_view(call) for call in found.calls],
            "calls_before": found.before,
            "calls_cursor": earlier,
        },
    }
