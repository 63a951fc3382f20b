"""Record messages, their media and who wants no more of them.

They hold the truth, whatever an answer said. Times are aware UTC, numbers digits
without `+`, amounts US dollars as decimal strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

INBOUND, OUTBOUND = "inbound", "outbound"
UNUSED_MEDIA_KEPT = timedelta(hours=6)
USED_MEDIA_KEPT = timedelta(days=365)


@dataclass(slots=True)
class Medium:
    """A file of a message: made up, uploaded, or found at *source_url*.

    The bytes of a made-up one are drawn from its id whenever they are asked for. Those
    of others are in memory alone: after a restart the file is gone.
    """

    media_id: str
    account: str
    file_name: str
    content_type: str
    size: int
    uploaded_at: datetime
    used_at: datetime | None = None
    source_url: str = ""
    made_up: bool = False
    _content: bytes | None = None

    @property
    def content(self) -> bytes | None:
        """Return the bytes that were uploaded or found, if they are still there."""
        return self._content

    def is_kept(self, now: datetime, *, for_ever: bool) -> bool:
        """Return whether Plivo has the file still.

        Six hours if no message used it, else a year or *for_ever*.
        """
        if self.used_at is None:
            return now < self.uploaded_at + UNUSED_MEDIA_KEPT
        return for_ever or now < self.used_at + USED_MEDIA_KEPT


@dataclass(slots=True)
class Message:
    """One message: *state* is Plivo's word, *arrived_at* when the phone has got it.

    *by_plivo* marks what Plivo sends on its own account, such as the answer to STOP.
    *hops* counts the messages between own numbers that led to this one.
    """

    message_uuid: str
    account: str
    direction: str
    from_number: str
    to_number: str
    kind: str
    text: str
    units: int
    rate: str
    created_at: datetime
    state: str
    surcharge: str = "0"
    error_code: str = ""
    powerpack_uuid: str = ""
    media: list[str] = field(default_factory=list)
    media_urls: list[str] = field(default_factory=list)
    url: str = ""
    method: str = "POST"
    log: str = "true"
    expiry: int = 0
    requester_ip: str = ""
    intent: str = ""
    by_plivo: bool = False
    hops: int = 0
    sequence: int = 0
    answered: bool = False
    sent_at: datetime | None = None
    reported_at: datetime | None = None
    arrived_at: datetime | None = None
    updated_at: datetime | None = None
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def number(self) -> str:
        """Return the number at Plivo."""
        return self.to_number if self.direction == INBOUND else self.from_number

    @property
    def phone(self) -> str:
        """Return the person's number."""
        return self.from_number if self.direction == INBOUND else self.to_number

    @property
    def is_billed(self) -> bool:
        """Return whether the account pays: not for what never left Plivo."""
        return self.direction == INBOUND or self.sent_at is not None

    @property
    def amount(self) -> Decimal:
        """Return what the message costs, without the carrier's surcharge."""
        return Decimal(self.rate) * self.units if self.is_billed else Decimal(0)

    @property
    def fees(self) -> Decimal:
        """Return the carrier's surcharge on the message."""
        return Decimal(self.surcharge) * self.units if self.is_billed else Decimal(0)

    @property
    def is_over(self) -> bool:
        """Return whether nothing more happens with the message by itself."""
        done = ("delivered", "undelivered", "failed")
        return self.state in done or self.arrived_at is not None

    def note(self, at: datetime, what: str, **details: Any) -> None:
        """Add a line to the message's history."""
        self.history.append({"at": at.isoformat(), "what": what, **details})


@dataclass(slots=True)
class OptOut:
    """A person's wish to get nothing more from a number, or from its campaign."""

    number: str
    phone: str
    campaign_id: str
    at: datetime
    acknowledged: bool = False


@dataclass(slots=True)
class Powerpack:
    """A pool of numbers to send from; a person keeps the number that it got first."""

    powerpack_uuid: str
    account: str
    numbers: list[str]
    sticky: dict[str, str] = field(default_factory=dict)

    def choose(self, phone: str) -> str:
        """Return the number to send from to *phone*."""
        if self.sticky.get(phone) not in self.numbers:
            used = list(self.sticky.values())
            self.sticky[phone] = min(self.numbers, key=used.count)
        return self.sticky[phone]
