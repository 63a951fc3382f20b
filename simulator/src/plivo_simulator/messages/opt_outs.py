"""Keep who wants no more messages from a number, and block those that come anyway.

The block is Plivo's own: for long codes and toll-free numbers of the US and Canada. A
switch extends it to all numbers of the number's 10DLC campaign.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..store import Number, Store
from ..switches import Switches
from .records import OptOut

# One own message may acknowledge the wish, within this time.
ACKNOWLEDGED_WITHIN = timedelta(minutes=5)


def heeds_keywords(number: Number | None) -> bool:
    """Return whether Plivo itself reacts to STOP, START and HELP at *number*."""
    return number is not None and number.rented.is_north_american


class OptOuts:
    """Add, lift and look up the opt-outs in the store."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches

    def add(self, number: Number, phone: str, now: datetime) -> None:
        """Block messages from *number* to *phone*."""
        wish = OptOut(number.digits, phone, number.campaign, now)
        self._store.opt_outs = [*self._others(number.digits, phone), wish]

    def lift(self, number: Number, phone: str) -> bool:
        """Unblock messages from *number* to *phone*; return whether any was blocked."""
        wishes = self._wishes(number.digits, phone)
        self._store.opt_outs = [o for o in self._store.opt_outs if o not in wishes]
        return bool(wishes)

    def blocks(self, number: str, phone: str, now: datetime) -> bool:
        """Return whether a message is blocked; one acknowledgment passes."""
        wishes = self._wishes(number, phone)
        for wish in wishes:
            early = now <= wish.at + ACKNOWLEDGED_WITHIN
            if wish.number == number and early and not wish.acknowledged:
                wish.acknowledged = True
                return False
        return bool(wishes)

    def _others(self, number: str, phone: str) -> list[OptOut]:
        return [
            wish
            for wish in self._store.opt_outs
            if (wish.number, wish.phone) != (number, phone)
        ]

    def _wishes(self, number: str, phone: str) -> list[OptOut]:
        wide = self._switches["stop_scope"] == "campaign"
        rented = self._store.numbers.get(number)
        campaign = rented.campaign if rented and wide else ""
        return [
            wish
            for wish in self._store.opt_outs
            if wish.phone == phone
            and (wish.number == number or (campaign and wish.campaign_id == campaign))
        ]
