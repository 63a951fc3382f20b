"""Price messages: rates as data, per country and kind, in US dollars.

The rates of US texts, and the carriers' surcharge on them, are those of the samples in
Plivo's pricing pages; all others are made up. A text is billed by the segment, a
message with media as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs: sent, received, and the carrier's surcharge on sending."""

    outbound: Decimal
    inbound: Decimal = Decimal(0)
    surcharge: Decimal = Decimal(0)


_TEXTS: Mapping[str, Price] = {
    "US": Price(Decimal("0.0035"), surcharge=Decimal("0.0030")),
    "CA": Price(Decimal("0.0040"), surcharge=Decimal("0.0030")),
    "GB": Price(Decimal("0.0400")),
    "IN": Price(Decimal("0.0060")),
}
_MEDIA: Mapping[str, Price] = {
    "US": Price(Decimal("0.0160"), Decimal("0.0100"), Decimal("0.0050")),
    "CA": Price(Decimal("0.0180"), Decimal("0.0100"), Decimal("0.0050")),
}
_OTHER = Price(Decimal("0.0500"))


def price_of(country: str | None, kind: str) -> Price:
    """Return the price of a unit of *kind*, `sms` or `mms`, to or from *country*."""
    table = _MEDIA if kind == "mms" else _TEXTS
    return table.get(country or "", _OTHER)
