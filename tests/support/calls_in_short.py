"""Calls told in short: `1A@1 2R@2` is who answered, then who rang, in which second."""

from __future__ import annotations

from datetime import UTC, datetime

from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import Call
from masking.domain.timeline import Snapshot, build_timeline

PARTIES = {"first": "+12025550100", "second": "+12025550101"}
NAMES = {
    "1A": "SessionFirstPartyAnswer",
    "VA": "SessionVirtualNumberAnswer",
    "2R": "SessionSecondPartyRing",
    "2A": "SessionSecondPartyAnswer",
    "1H": "SessionFirstPartyHangup",
    "2H": "SessionSecondPartyHangup",
    "PH": "SessionPartiesHangup",
}

Attributes = dict[str, str]


def at(second: int) -> datetime:
    """Return the second of a history as a time."""
    return datetime(2026, 11, 26, 12, second // 60, second % 60, tzinfo=UTC)


def told(text: str, *, numbered: bool = True) -> list[Attributes]:
    """Return callbacks from a text such as `1A@1 2R@2`."""
    found = []
    for number, word in enumerate(text.split(), start=1):
        name, _, second = word.partition("@")
        attributes = {
            "EventName": NAMES[name],
            "EventTimestamp": f"{at(int(second)):%Y-%m-%d %H:%M:%S}",
            "From": "12025550100",
            "To": "12025550101",
        }
        if numbered:
            attributes["SequenceNumber"] = str(number)
        if name.endswith("H"):
            attributes["PlivoHangupCauseCode"] = "4000"
        if name == "PH":
            attributes |= {"Duration": "15", "BilledDuration": "60", "Amount": "0.02"}
        found.append(attributes)
    return found


def calls_of(callbacks: list[Attributes], *snapshots: Snapshot) -> list[Call]:
    """Return the calls that callbacks, each received in its second, tell of."""
    events = [
        CallbackEvent(f"{n:064x}", attributes, f"2026-11-26T12:00:{n:02d}.500000Z")
        for n, attributes in enumerate(callbacks, start=1)
    ]
    return list(build_timeline(events, PARTIES, snapshots=snapshots).calls)
