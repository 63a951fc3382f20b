"""Compare calls as the API tells them with the simulator's ledger. Rules alone.

Plivo tells whole seconds, in callbacks and in its records, and two readings of one
moment may stand on both sides of a second: times may differ by one. Money and billed
seconds may not differ at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

APART = timedelta(seconds=1)

# From the simulator's words for outcomes to the API's, where they differ.
OUTCOMES = {"time_limit": "connected", "no_counterpart": "failed"}

UNKNOWN = "unknown"

PIN_STATUS = "SessionPinAuthenticationStatus"

View = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What a call is told wrong in: the check that fails, and both values."""

    check: str
    told: object
    true: object

    def __str__(self) -> str:
        """Return it as a report shows it."""
        return f"{self.check} told as {self.told}, true is {self.true}"


def differences(told: View, true: View) -> list[Difference]:
    """Return in what the API's view of a call, *told*, differs from the ledger's."""
    found = [] if told["outcome"] in outcomes_of(true) else [_outcome(told, true)]
    truth = times_of(true)
    for name, moment in truth.items():
        if not _is_near(_moment(told[name]), moment):
            found.append(Difference(name, told[name], _shown(moment)))
    talked = talk_of(true)
    if told["talk_seconds"] is None or abs(told["talk_seconds"] - talked) > 1:
        found.append(Difference("talk_seconds", told["talk_seconds"], talked))
    if told["billed_seconds"] != true["billed_duration"]:
        had = told["billed_seconds"], true["billed_duration"]
        found.append(Difference("billed_seconds", *had))
    if told["amount"] is None or Decimal(told["amount"]) != Decimal(true["amount"]):
        found.append(Difference("amount", told["amount"], true["amount"]))
    return found


def outcomes_of(true: View) -> set[str]:
    """Return the outcomes that a call may be told with.

    Plivo's records do not tell why a call had no second leg, so if nothing came that
    says it, `unknown` is true as well.
    """
    outcome = str(OUTCOMES.get(true["outcome"], true["outcome"]))
    is_told = any(
        each["event"] == PIN_STATUS and each["state"] == "delivered"
        for each in true["callbacks"]
    )
    return {outcome} if len(true["legs"]) == 2 or is_told else {outcome, UNKNOWN}


def times_of(true: View) -> dict[str, datetime | None]:
    """Return when a call began, was answered by who was called, and ended."""
    callee = _leg(true, "callee")
    return {
        "started_at": _moment(true["started_at"]),
        "answered_at": _moment(callee["answered_at"]) if callee else None,
        "ended_at": _moment(true["ended_at"]),
    }


def talk_of(true: View) -> int:
    """Return for how many seconds both legs were up."""
    callee = _leg(true, "callee")
    answered = _moment(callee["answered_at"]) if callee else None
    if answered is None:
        return 0
    ends = [end for leg in true["legs"] if (end := _moment(leg["ended_at"]))]
    return round((min(ends) - answered).total_seconds())


def pairs(told: Sequence[View], true: Sequence[View]) -> list[tuple[View, View]]:
    """Pair the API's calls with the ledger's, both the oldest first.

    Of calls that touch within a second the order may be either, so each of the
    ledger's gets the one that is like it most, and of equals the one in its place.
    """
    left = list(told)
    found = []
    for each in true:
        if not left:
            break
        best = min(left, key=_unlikeness(each))
        left.remove(best)
        found.append((best, each))
    return found


def _unlikeness(true: View) -> Callable[[View], tuple[float, int]]:
    begun = _moment(true["started_at"])

    def unlike(told: View) -> tuple[float, int]:
        at = _moment(told["started_at"])
        far = abs((at - begun).total_seconds()) if at and begun else 1e9
        # Within a second all are alike: what they say decides.
        return (0 if far <= 1 else far, len(differences(told, true)))

    return unlike


def _outcome(told: View, true: View) -> Difference:
    return Difference(
        "outcome", told["outcome"], " or ".join(sorted(outcomes_of(true)))
    )


def _leg(true: View, name: str) -> View | None:
    return next((leg for leg in true["legs"] if leg["leg"] == name), None)


def _is_near(told: datetime | None, true: datetime | None) -> bool:
    if told is None or true is None:
        return told is true
    whole = true.replace(microsecond=0)
    return abs(told.replace(microsecond=0) - whole) <= APART


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _shown(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
