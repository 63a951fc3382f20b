"""Show messages to the developer: in E.164 and RFC 3339, with text and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..views import View, callback_view, e164, rfc3339
from .documents import media_url
from .records import Medium, Message

if TYPE_CHECKING:
    from ..simulator import Simulator


def message_view(simulator: Simulator, message: Message) -> View:
    """Show a message with its files, its history and the requests it caused."""
    media = [simulator.store.media[media_id] for media_id in message.media]
    callbacks = simulator.store.callbacks_of.get(message.message_uuid, [])
    return {
        "message_uuid": message.message_uuid,
        "direction": message.direction,
        "account": message.account,
        "from": e164(message.from_number),
        "to": e164(message.to_number),
        "number": e164(message.number),
        "phone": e164(message.phone),
        "type": message.kind,
        "text": message.text,
        "media": [_medium_view(simulator, medium) for medium in media],
        "state": message.state,
        "error_code": message.error_code or None,
        "intent": message.intent or None,
        "by_plivo": message.by_plivo,
        "units": message.units,
        "amount": str(message.amount),
        "powerpack_uuid": message.powerpack_uuid or None,
        "created_at": rfc3339(message.created_at),
        "sent_at": rfc3339(message.sent_at),
        "arrived_at": rfc3339(message.arrived_at),
        "history": message.history,
        "callbacks": [callback_view(callback) for callback in callbacks],
    }


def _medium_view(simulator: Simulator, medium: Medium) -> View:
    return {
        "media_id": medium.media_id,
        "content_type": medium.content_type,
        "size": medium.size,
        "url": media_url(medium, simulator.origin),
        "source_url": medium.source_url or None,
    }
