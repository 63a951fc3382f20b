"""Services that a test hands its own parts to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from masking.core.settings import Settings
from masking.wiring import Services

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.plivo.rate_limit import RateLimit
    from masking.storage.stores import Stores

CALLBACK_KEY = b"the key of callbacks in this test"
NUMBER_KEY = b"the key of numbers in this test"

SETTINGS = {
    "BUS_EVENTS": "*",
    "CARRIER_REQUESTS_PER_SECOND": "1000",
    "PIN_GUESSING_THRESHOLD": "5",
    "PUBLIC_BASE_URL": "",
    "RECORDING_RETENTION_DAYS": "365",
    "WEBHOOK_AUTH": "capability",
}


class HarnessServices(Services):
    """Services over stores, a carrier and queues of the test's; keys are fixed."""

    def __init__(
        self, *, stores: Stores, carrier: Carrier, now: Clock, **parts: Any
    ) -> None:
        super().__init__(Settings({**SETTINGS, **parts.pop("settings", {})}), now=now)
        self.stores = stores
        self._own_carrier = carrier
        for name, part in parts.items():
            setattr(self, name, part)

    @property
    def carrier(self) -> Carrier:
        """Return the test's carrier."""
        return self._own_carrier

    def limited_carrier(self, limit: RateLimit, threads: int = 1) -> Carrier:  # noqa: ARG002
        """Return the test's carrier, which no rate limits."""
        return self._own_carrier

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Return no token: nothing is signed."""
        return ()

    @property
    def callback_key(self) -> bytes:
        """Return a fixed key."""
        return CALLBACK_KEY

    @property
    def number_key(self) -> bytes:
        """Return a fixed key."""
        return NUMBER_KEY
