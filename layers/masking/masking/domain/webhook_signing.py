"""Sign what is sent to apps, as the Standard Webhooks specification has it.

`webhook-signature` holds, for each secret that is valid, `v1,` and the base64 of an
HMAC-SHA256 over `id.timestamp.payload`. The payload is the body; for a GET, which has
none, the raw query string. A secret is `whsec_` and the base64 of the key.

A tenant's secret is derived from the root of all keys, the tenant and a generation, so
that it stands nowhere; the table holds which generations sign.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

PREFIX = "whsec_"


@dataclass(frozen=True)
class Generations:
    """Which generations of a tenant's secret sign: *newest* down to *oldest*.

    They are two while one replaces the other.
    """

    newest: int = 1
    oldest: int = 1

    @property
    def signing(self) -> range:
        """Return them, the newest first."""
        return range(self.newest, self.oldest - 1, -1)


def rotated(generations: Generations) -> Generations:
    """Begin the next generation; the one before it goes on signing."""
    return Generations(generations.newest + 1, generations.newest)


def retired(generations: Generations) -> Generations:
    """End a rotation: the newest generation alone signs."""
    return Generations(generations.newest, generations.newest)


def secret_of(key: bytes, tenant_id: str, generation: int) -> str:
    """Return a generation of a tenant's secret; *key* is what all are derived from."""
    derived = hmac.digest(key, f"{generation}:{tenant_id}".encode(), "sha256")
    return PREFIX + base64.b64encode(derived).decode()


def headers_for(
    message_id: str, payload: bytes, signing: Iterable[str], now: datetime
) -> dict[str, str]:
    """Return the headers that prove *payload*, one signature for each secret."""
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
