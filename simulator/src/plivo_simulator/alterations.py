"""Alter callbacks as a carrier might: wrong numbers, times and amounts, rightly signed.

A copy with one altered attribute is a new message to whoever compares whole messages;
an original with one is all that its receiver ever hears. Both are signed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from .time_formats import event_time, parse_filter_time

Attributes = dict[str, str | int]
Parameters = Mapping[str, float]


def altered(attributes: Attributes, effect: str, parameters: Parameters) -> Attributes:
    """Return a copy of *attributes* with the one that *effect* is about altered."""
    changed = dict(attributes)
    {**COPIES, **ORIGINALS}[effect](changed, parameters)
    return changed


def _renumber(attributes: Attributes, parameters: Parameters) -> None:
    number = int(attributes["SequenceNumber"]) + int(parameters["by"])
    attributes["SequenceNumber"] = str(number)


def _restamp(attributes: Attributes, parameters: Parameters) -> None:
    told = parse_filter_time(str(attributes["EventTimestamp"]))
    later = told + timedelta(seconds=parameters["by"])
    attributes["EventTimestamp"] = event_time(later)


def _reprice(attributes: Attributes, parameters: Parameters) -> None:
    more = Decimal(str(parameters["by"]))
    attributes["Amount"] = str(Decimal(str(attributes["Amount"])) + more)


def _misstate(attributes: Attributes, parameters: Parameters) -> None:
    _reprice(attributes, {"by": parameters["amount"]})
    for name in ("BilledDuration", "Duration"):
        attributes[name] = str(int(attributes[name]) + int(parameters["seconds"]))


def _undate(attributes: Attributes, _: Parameters) -> None:
    del attributes["EventTimestamp"]


def _unnumber(attributes: Attributes, _: Parameters) -> None:
    del attributes["SequenceNumber"]


Alteration = Callable[[Attributes, Parameters], None]

# What a second copy says otherwise, and what the only copy does.
COPIES: Mapping[str, Alteration] = {
    "renumbered": _renumber,
    "restamped": _restamp,
    "repriced": _reprice,
}
ORIGINALS: Mapping[str, Alteration] = {
    "misstated": _misstate,
    "undated": _undate,
    "unnumbered": _unnumber,
}
