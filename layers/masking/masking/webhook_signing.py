"""Sign what is sent to apps, as the Standard Webhooks specification has it.

`webhook-signature` holds, for each secret that is valid, `v1,` and the base64 of an
HMAC-SHA256 over `id.timestamp.payload`. The payload is the body; for a GET, which has
none, the raw query string. A secret is `whsec_` and the base64 of the key.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    """Make a secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def headers_for(
    message_id: str, payload: bytes, signing: Iterable[str], now: datetime
) -> dict[str, str]:
    """Give the headers that prove *payload*, one signature for each secret."""
    timestamp = str(int(now.timestamp()))
    message = f"{message_id}.{timestamp}.".encode() + payload
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signed(each, message) for each in signing),
    }


def _signed(secret: str, message: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, message, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
