"""Make true histories of a session: its calls, what Plivo reports and records of them.

Events, attributes and records are those of plivo-contract 2.1 and 3.1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

FIRST, SECOND = "12025550100", "12025550101"
PARTIES = {"first": f"+{FIRST}", "second": f"+{SECOND}"}
BEGIN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

# The code of the called party's leg, for each way in which a call can end.
CODES = {
    "connected": 4000,
    "no_answer": 6010,
    "busy": 3010,
    "rejected": 3020,
    "cancelled": 1000,
    "pin_failed": 4000,
}

# Plivo's words for the end of that leg: some say less than the code.
WORDS = {
    "connected": "completed",
    "no_answer": "no-answer",
    "busy": "busy",
    "rejected": "failed",
    "cancelled": "cancel",
    "pin_failed": "",
}
VOCABULARIES = ("current", "2024", "2023")
NUMBERINGS = ("session", "call", "none")
RATE = Decimal("0.0085")


@dataclass
class Report:
    """One callback: its attributes, the second it happened, and whose call it is."""

    attributes: dict[str, str]
    at: datetime
    call: int
    received: datetime

    @property
    def name(self) -> str:
        """Return Plivo's name of it."""
        return self.attributes["EventName"]


@dataclass
class TrueCall:
    """A call as it was. Times are whole seconds, aware UTC; amounts US dollars."""

    outcome: str
    began: datetime
    answered: datetime | None
    ended: datetime
    recorded: bool = False
    by_second: bool = False
    reports: list[Report] = field(default_factory=list)

    @property
    def talk(self) -> int:
        """Return the seconds of talk."""
        return int((self.ended - self.answered).total_seconds()) if self.answered else 0

    def bill(self, since: datetime | None) -> tuple[int, int, Decimal]:
        """Return duration, billed seconds and amount of a leg that is up since then."""
        if since is None:
            return 0, 0, Decimal(0)
        duration = int((self.ended - since).total_seconds())
        minutes = math.ceil(duration / 60)
        return duration, 60 * minutes, RATE * minutes

    @property
    def legs(self) -> list[tuple[int, int, Decimal]]:
        """Return the bills of the caller's leg and of the other."""
        return [self.bill(self.began), self.bill(self.answered)]

    @property
    def billed(self) -> int:
        """Return the seconds billed for both legs."""
        return sum(leg[1] for leg in self.legs)

    @property
    def amount(self) -> Decimal:
        """Return what both legs cost."""
        return sum((leg[2] for leg in self.legs), Decimal(0))

    def record(self) -> dict[str, Any]:
        """Return the interaction with its legs, as settlement keeps it.

        They are named after who is registered, and not after who called.
        """
        legs = [
            {
                "duration": duration,
                "billed_duration": billed,
                "amount": str(amount),
                "hangup_cause_code": code,
                "answer_time": _text(since),
                "end_time": _text(self.ended),
            }
            for (duration, billed, amount), code, since in zip(
                self.legs,
                (4000, CODES[self.outcome]),
                (self.began, self.answered),
                strict=True,
            )
        ]
        return {
            "start_time": _text(self.began),
            "end_time": _text(self.ended),
            "call_billed_duration": self.billed,
            "total_call_amount": str(self.amount),
            **{
                f"{party}_{name}": value
                for party, leg, word in zip(
                    ("second_party", "first_party")
                    if self.by_second and self.outcome != "pin_failed"
                    else ("first_party", "second_party"),
                    legs[:1] if self.outcome == "pin_failed" else legs,
                    ("completed", WORDS[self.outcome]),
                    strict=False,
                )
                for name, value in (("leg", leg), ("status", word))
            },
        }


@dataclass
class History:
    """The calls of one session, apart from each other unless *crossed*."""

    calls: list[TrueCall]
    numbering: str
    crossed: bool

    @property
    def reports(self) -> list[Report]:
        """Return all reports, oldest first."""
        return [each for call in self.calls for each in call.reports]


def make(chance: random.Random) -> History:
    """Make a history of one to four calls."""
    vocabulary = chance.choice(VOCABULARIES)
    numbering = chance.choice(NUMBERINGS)
    crossed = chance.random() < 0.15
    calls: list[TrueCall] = []
    at = BEGIN
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        call = _call(chance, at)
        calls.append(call)
        gap = chance.choice((-4, 0)) if crossed else chance.choice((8, 40, 400, 7200))
        at = call.ended + timedelta(seconds=gap)
    for number, call in enumerate(calls):
        call.reports = _reports(call, number, vocabulary, chance)
    history = History(calls, numbering, crossed)
    _number(history)
    return history


def make_long(chance: random.Random, count: int, gaps: Sequence[int]) -> History:
    """Make a history of so many calls, with such seconds between them."""
    vocabulary = chance.choice(VOCABULARIES)
    history = History([], chance.choice(NUMBERINGS), crossed=False)
    at = BEGIN
    for number in range(count):
        call = _call(chance, at)
        call.reports = _reports(call, number, vocabulary, chance)
        history.calls.append(call)
        at = call.ended + timedelta(seconds=chance.choice(gaps))
    _number(history)
    return history


def _call(chance: random.Random, at: datetime) -> TrueCall:
    outcome = chance.choice(("connected", "connected", "connected", *CODES))
    ring = timedelta(seconds=chance.randint(4, 30))
    answered = at + ring if outcome == "connected" else None
    ended = at + ring + timedelta(seconds=chance.choice((5, 15, 61, 200)))
    if answered is None:
        ended = at + ring
    recorded = outcome == "connected" and chance.random() < 0.3
    return TrueCall(outcome, at, answered, ended, recorded, chance.random() < 0.2)


def _reports(
    call: TrueCall, number: int, vocabulary: str, chance: random.Random
) -> list[Report]:
    people = (SECOND, FIRST) if call.by_second else (FIRST, SECOND)
    both = {"From": people[0], "To": people[1]}
    steps: list[Step] = []
    if vocabulary == "2023":
        steps.append(("SessionVirtualNumberAnswer", call.began, {}))
    if call.outcome == "pin_failed":
        status = chance.choice(("failed", "Failure", "timeout", "max_retries_exceeded"))
        entered = {"PinAuthenticationStatus": status, "PinRetryCounter": "0"}
        steps.append(("SessionPinAuthenticationStatus", call.began, entered))
    steps.append(("SessionFirstPartyAnswer", call.began, {}))
    if call.outcome != "pin_failed":
        steps.append(("SessionSecondPartyRing", call.began, {}))
    if call.answered:
        steps.append(("SessionSecondPartyAnswer", call.answered, {}))
    if call.recorded and call.answered:
        steps.append(("SessionRecordingInitiated", call.answered, {}))
    steps += _ends(call, vocabulary)
    uuid = {"RecordingUUID": f"recording-{number}"} if call.recorded else {}
    return [
        Report(
            {
                "EventName": name,
                "EventTimestamp": f"{at:%Y-%m-%d %H:%M:%S}",
                **both,
                **more,
                **(uuid if "Recording" in name else {}),
            },
            at,
            number,
            at,
        )
        for name, at, more in steps
    ]


# An event's name, when it happens, and the attributes that only such events have.
Step = tuple[str, datetime, dict[str, str]]


def _ends(call: TrueCall, vocabulary: str) -> list[Step]:
    steps: list[Step] = []
    for leg, bill, code in zip(
        ("First", "Second"), call.legs, (4000, CODES[call.outcome]), strict=True
    ):
        if leg == "Second" and call.outcome == "pin_failed":
            continue
        answered = leg == "First" or call.answered
        ending = "Complete" if answered else "Failed"
        name = f"Session{leg}Party{ending if vocabulary == '2023' else 'Hangup'}"
        steps.append((name, call.ended, _cost(bill, code)))
    if call.recorded:
        steps.append(("SessionRecordingCompleted", call.ended, {}))
    if vocabulary == "current":
        whole = (call.talk, call.billed, call.amount)
        steps.append(
            ("SessionPartiesHangup", call.ended, _cost(whole, CODES[call.outcome]))
        )
    return steps


def _cost(bill: tuple[int, int, Decimal], code: int) -> dict[str, str]:
    duration, billed, amount = bill
    return {
        "Duration": str(duration),
        "BilledDuration": str(billed),
        "Amount": str(amount),
        "PlivoHangupCauseCode": str(code),
    }


def _number(history: History) -> None:
    count = 0
    for call in history.calls:
        for place, report in enumerate(call.reports, start=1):
            count += 1
            if history.numbering != "none":
                number = count if history.numbering == "session" else place
                report.attributes["SequenceNumber"] = str(number)


def _text(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
