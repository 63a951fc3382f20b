"""Verify webhooks, and read the events that they bring.

They are signed as the Standard Webhooks specification says.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from maskline_client.generated import models

# How many seconds a signature may be old, or ahead of this machine's clock.
TOLERANCE = 300


class WebhookRefusedError(Exception):
    """A webhook is not signed with any of the secrets, or not just now."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    now: float | None = None,
) -> dict[str, Any]:
    """Return the event of a webhook that is signed with one of *secrets*.

    *body* is what came, byte for byte; of a GET it is the raw query string. While
    secrets are rotated, give both. Raises WebhookRefusedError for anything else.
    """
    told = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp = told["webhook-id"], told["webhook-timestamp"]
        signatures = told["webhook-signature"].split()
        sent_at = int(timestamp)
    except (KeyError, ValueError):
        raise WebhookRefusedError("it is not signed") from None
    if abs((time.time() if now is None else now) - sent_at) > TOLERANCE:
        raise WebhookRefusedError("it was signed at another time")
    payload = body.encode() if isinstance(body, str) else body
    message = f"{message_id}.{timestamp}.".encode() + payload
    for secret in [secrets] if isinstance(secrets, str) else secrets:
        expected = _signature(secret, message)
        if any(hmac.compare_digest(expected, each) for each in signatures):
            return _event(payload)
    raise WebhookRefusedError("no signature fits")


def event_in(event: Mapping[str, Any]) -> Any:
    """Return an event as its model, such as SessionCreatedEvent.

    One of a type that this version does not know is returned as it is. Act once for
    each `id`, because an event may come again.
    """
    name = "".join(word.title() for word in _words(str(event.get("type")))) + "Event"
    if name == "RecordingFailedEvent":
        made = "NotMade" if "callback" in event else "NotStored"
        name = f"Recording{made}Event"
    model = getattr(models, name, None)
    return model.from_dict(event) if model else event


def _words(kind: str) -> list[str]:
    return kind.replace(".", "_").split("_")


def _signature(secret: str, message: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a secret is whsec_ and base64") from None
    digest = hmac.digest(key, message, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _event(payload: bytes) -> dict[str, Any]:
    text = payload.decode()
    if text.startswith("{"):
        event: dict[str, Any] = json.loads(text)
        return event
    # Of a GET: text is as it is, everything else is JSON.
    from urllib.parse import parse_qsl

    return {name: _value(name, value) for name, value in parse_qsl(text)}


# Of an event in a query these are text, whatever they look like.
TEXT = frozenset({"id", "type", "sequence", "amount", "total_call_amount"})


def _value(name: str, value: str) -> Any:
    if name in TEXT or name.endswith(("_amount", "_uuid", "_id", "_number")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
