"""Write messages and media as Plivo's API and webhooks show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..account import country_of
from ..store import Number
from ..time_formats import event_time, zoned_time
from .records import INBOUND, Medium, Message

Document = dict[str, Any]
Attributes = dict[str, str | int]

_REASONS = {
    "20": "network error",
    "30": "spam detected",
    "40": "invalid source number",
    "50": "invalid destination number",
    "60": "loop detected",
    "80": "destination temporarily unavailable",
    "100": "prohibited by the carrier",
    "110": "message too long",
    "200": "blocked because the destination sent STOP",
    "300": "failed to dispatch the message",
    "420": "message expired",
}


def hidden(digits: str) -> str:
    """Return a number without its last three digits, as redacted records have it."""
    return f"{digits[:-3]}***"


def shown_ends(message: Message) -> tuple[str, str]:
    """Return sender and receiver as the account's records have them."""
    redacted = message.log in ("false", "content_only")
    if not redacted:
        return message.from_number, message.to_number
    if message.direction == INBOUND:
        return hidden(message.from_number), message.to_number
    return message.from_number, hidden(message.to_number)


def message_document(message: Message, number: Number | None) -> Document:
    """Return the detail record of *message*; *number* is its number at Plivo."""
    from_number, to_number = shown_ends(message)
    local = number if number and number.is_10dlc else None
    uuid = message.message_uuid
    here, there = country_of(message.number), country_of(message.phone)
    return {
        "carrier_fees": f"{message.fees:.5f}",
        "carrier_fees_rate": f"{Decimal(message.surcharge):.5f}",
        "destination_country_iso2": country_of(message.to_number),
        "error_code": message.error_code or None,
        "error_message": _REASONS.get(message.error_code),
        "from_number": from_number,
        "is_domestic": here == there,
        "log": message.log,
        "message_direction": message.direction,
        "message_sent_time": zoned_time(message.sent_at),
        "message_state": message.state,
        "message_time": zoned_time(message.created_at),
        "message_type": message.kind,
        "message_updated_time": zoned_time(message.updated_at),
        "message_uuid": uuid,
        "powerpack_id": message.powerpack_uuid or None,
        "requester_ip": message.requester_ip or None,
        "resource_uri": f"/v1/Account/{message.account}/Message/{uuid}/",
        "tendlc_campaign_id": local.campaign or None if local else None,
        "tendlc_registration_status": local.registration if local else None,
        "to_number": to_number,
        "total_amount": f"{message.amount:.5f}",
        "total_rate": f"{Decimal(message.rate):.5f}",
        "units": message.units,
    }


def media_document(medium: Medium, origin: str, message_uuid: str = "") -> Document:
    """Return a file as Plivo's media resource."""
    document: Document = {
        "content_type": medium.content_type,
        "file_name": medium.file_name,
        "media_id": medium.media_id,
        "media_url": media_url(medium, origin),
        "size": medium.size,
        "upload_time": medium.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    return {**document, "message_uuid": message_uuid} if message_uuid else document


def media_url(medium: Medium, origin: str) -> str:
    """Return the public address of a file."""
    return f"{origin}/media/Account/{medium.account}/Media/{medium.media_id}"


def inbound_attributes(
    message: Message, media_urls: list[str], first: int, *, with_text: bool = True
) -> Attributes:
    """Return the parameters of a request to a message URL.

    *first* is the number of the first file's parameter, 0 or 1.
    """
    text = message.text if with_text else ""
    attributes: Attributes = {
        "From": message.from_number,
        "To": message.to_number,
        "Type": message.kind,
        "MessageUUID": message.message_uuid,
        "Body" if message.kind == "mms" else "Text": text,
        "Units": message.units,
        "TotalRate": f"{Decimal(message.rate):.5f}",
        "TotalAmount": f"{message.amount:.5f}",
        "MessageIntent": message.intent,
        "PowerpackUUID": message.powerpack_uuid,
    }
    if message.kind == "mms":
        attributes["MediaCount"] = len(media_urls)
        for place, url in enumerate(media_urls, first):
            attributes[f"Media{place}"] = url
    return attributes


def status_attributes(message: Message, status: str, network: str) -> Attributes:
    """Return the parameters of a request about a message that became *status*.

    *network* is the mobile country and network code of the receiver, joined.
    """
    return {
        "MessageUUID": message.message_uuid,
        "ParentMessageUUID": message.message_uuid,
        "From": message.from_number,
        "To": message.to_number,
        "Status": status,
        "ErrorCode": message.error_code,
        "Units": message.units,
        "TotalRate": f"{Decimal(message.rate):.5f}",
        "TotalAmount": f"{message.amount:.5f}",
        "MCC": network[:3],
        "MNC": network[3:],
        "Sequence": message.sequence,
        "MessageTime": event_time(message.created_at),
        "QueuedTime": event_time(message.created_at),
        "SentTime": event_time(message.sent_at) if message.sent_at else "",
        "DeliveryReportTime": (
            event_time(message.reported_at) if message.reported_at else ""
        ),
        "PowerpackUUID": message.powerpack_uuid,
        "Type": message.kind,
        "requester_ip": message.requester_ip,
    }
