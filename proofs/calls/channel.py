"""Spoil a history as carriers and networks do."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from proofs.calls.model import History, Report


@dataclass
class Spoilt:
    """What arrives of a history, in the order of arrival.

    *faults* names what was done, *struck* the call to which it was, each time.
    """

    reports: list[Report]
    faults: list[str] = field(default_factory=list)
    struck: list[int] = field(default_factory=list)


Fault = Callable[[Spoilt, random.Random], None]


def spoil(history: History, chance: random.Random, most: int = 4) -> Spoilt:
    """Return what arrives of a history; up to *most* faults strike it."""
    spoilt = Spoilt(copy.deepcopy(history.reports))
    for _ in range(chance.randint(0, most)):
        if spoilt.reports:
            name = chance.choice(list(FAULTS))
            FAULTS[name](spoilt, chance)
            spoilt.faults.append(name)
    for report in spoilt.reports:
        report.received += timedelta(seconds=chance.choice((0, 0, 1)))
    chance.shuffle(spoilt.reports)
    return spoilt


def _one(spoilt: Spoilt, chance: random.Random) -> Report:
    report = chance.choice(spoilt.reports)
    spoilt.struck.append(report.call)
    return report


def _drop(spoilt: Spoilt, chance: random.Random) -> None:
    spoilt.reports.remove(_one(spoilt, chance))


def _double(spoilt: Spoilt, chance: random.Random) -> None:
    report = _one(spoilt, chance)
    attributes = dict(report.attributes)
    names = [n for n in attributes if n not in ("EventName", "To", "RecordingUUID")]
    name = chance.choice(names)
    at = report.at
    if name == "EventTimestamp":
        at += timedelta(seconds=chance.choice((1, 2)))
        attributes[name] = f"{at:%Y-%m-%d %H:%M:%S}"
    elif name == "SequenceNumber":
        attributes[name] = str(int(attributes[name]) + chance.choice((1, 2, 50)))
    elif name == "From":
        attributes[name] = ""
    elif name in ("Amount", "BilledDuration", "Duration"):
        attributes[name] = chance.choice(("0", "", "x"))
    elif name == "PinRetryCounter":
        attributes[name] = "1"
    spoilt.reports.append(replace(report, attributes=attributes, at=at))


def _lose_number(spoilt: Spoilt, chance: random.Random) -> None:
    _one(spoilt, chance).attributes.pop("SequenceNumber", None)


def _lose_time(spoilt: Spoilt, chance: random.Random) -> None:
    _one(spoilt, chance).attributes["EventTimestamp"] = chance.choice(("", "x", "0"))


def _lose_caller(spoilt: Spoilt, chance: random.Random) -> None:
    _one(spoilt, chance).attributes["From"] = ""


def _write_time(spoilt: Spoilt, chance: random.Random) -> None:
    report = _one(spoilt, chance)
    form = chance.choice(
        ("%Y-%m-%d, %H-%M-%S", "%Y/%m/%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT")
    )
    report.attributes["EventTimestamp"] = f"{report.at:{form}}"


FAULTS: dict[str, Fault] = {
    "dropped": _drop,
    "doubled": _double,
    "without number": _lose_number,
    "without time": _lose_time,
    "without caller": _lose_caller,
    "other clock": _write_time,
}
