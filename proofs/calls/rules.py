"""The rules that hold for the calls of any history, however it was spoilt."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

from masking.core.times import stamp
from masking.domain import told_legs
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.ends_of_calls import AGAIN
from masking.domain.plivo_events import PIN
from masking.domain.timeline import Snapshot, build_timeline
from proofs.calls.channel import Spoilt
from proofs.calls.model import PARTIES, History, Report, TrueCall

NOT_TALKED = frozenset(
    {"cancelled", "busy", "rejected", "no_answer", "failed", "pin_failed"}
)
PROOFS = frozenset({"SessionSecondPartyAnswer", "SessionRecordingInitiated"})
ENDS_OF_CALLED = ("SessionSecondPartyHangup", "SessionSecondPartyComplete")
CALLS = "https://api.plivo.com/v1/Account/MA/Call"
ENDS_OF_CALLER = ("SessionFirstPartyHangup", "SessionFirstPartyComplete")


def broken_by(history: History, spoilt: Spoilt, chance: random.Random) -> list[str]:
    """Return the rules that the calls of what arrived break."""
    events = [_event(n, report) for n, report in enumerate(spoilt.reports)]
    reports = {e.digest: r for e, r in zip(events, spoilt.reports, strict=True)}
    calls = _calls(events)
    settled = _settled(events, history)
    shuffled = chance.sample(events, len(events))
    found = [] if _calls(shuffled) == calls else ["the order of arrival counts"]
    for call in calls:
        of_call = [reports[digest] for digest in call.digests]
        found += _of_certainty(call, of_call, history)
        if len({r.attributes["From"] for r in of_call} - {""}) > 1:
            found.append("callers that differ are of one call")
        if call.outcome in NOT_TALKED and any(map(_proves_talk, of_call)):
            found.append(f"evidence of talk is {call.outcome}")
    if not _has_twins(history, spoilt):
        found += _of_money(calls, spoilt)
    found += _of_settled(settled, history, spoilt)
    if not history.crossed:
        found += _of_few_faults(calls, reports, history, spoilt)
    return found


def _event(number: int, report: Report) -> CallbackEvent:
    # As a hash, the name of a callback says nothing of its place.
    said = repr((number, sorted(report.attributes.items())))
    digest = hashlib.sha256(said.encode()).hexdigest()
    return CallbackEvent(digest, report.attributes, stamp(report.received))


def _calls(events: Sequence[CallbackEvent], *snapshots: Snapshot) -> list[Call]:
    return list(build_timeline(events, PARTIES, snapshots=snapshots).calls)


def _settled(events: Sequence[CallbackEvent], history: History) -> list[Call]:
    """Return the calls as settlement has them, which asks for few of the legs."""
    records = [call.record() for call in history.calls]
    told = build_timeline(events, PARTIES)
    known = told_legs.calls_told(
        [_without_legs(each) for each in records], told, PARTIES
    )
    interactions = [
        found or record for found, record in zip(known, records, strict=True)
    ]
    return _calls(events, Snapshot(EARLIEST, interactions=interactions, final=True))


def _without_legs(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return an interaction as Plivo answers it: with the addresses of its legs."""
    bare = dict(record)
    for party in ("first_party", "second_party"):
        if bare.pop(f"{party}_leg", None):
            bare[f"{party}_resource_url"] = f"{CALLS}/{uuid.uuid4()}/"
    return bare


def _proves_talk(report: Report) -> bool:
    paid = any(
        report.attributes.get(name, "") not in ("", "0", "x")
        for name in ("Duration", "BilledDuration", "Amount")
    )
    return report.name in PROOFS or (report.name in ENDS_OF_CALLED and paid)


def _of_certainty(
    call: Call, of_call: Sequence[Report], history: History
) -> Iterator[str]:
    if call.certainty != "certain":
        return
    whose = {report.call for report in of_call}
    if len(whose) != 1:
        yield "callbacks of two calls are certain to be of one"
        return
    [number] = whose
    true = history.calls[number]
    pairs = zip(
        sorted(of_call, key=_said), sorted(true.reports, key=_said), strict=False
    )
    if len(of_call) != len(true.reports) or not all(_is_same(*pair) for pair in pairs):
        yield "a call is certain of which something is missing or in conflict"
    elif call.outcome != true.outcome:
        yield f"it is certain that a call was {call.outcome} that was {true.outcome}"


def _is_same(report: Report, true: Report) -> bool:
    """Return whether a callback says what was so; a second more or less can't be seen.

    It is so if a callback came again, stamped later, and the first was lost.
    """
    told = report.attributes["EventTimestamp"] == f"{report.at:%Y-%m-%d %H:%M:%S}"
    return told and _said(report) == _said(true) and abs(report.at - true.at) <= AGAIN


def _said(report: Report) -> list[tuple[str, str]]:
    """Return what a callback says, but for its time and who called (may be hidden)."""
    hidden = ("From", "EventTimestamp")
    return sorted((k, v) for k, v in report.attributes.items() if k not in hidden)


def _has_twins(history: History, spoilt: Spoilt) -> bool:
    """Return whether two calls overlap of which the ends may be one end, told twice.

    They come at once, or soon after each other with as many seconds, or one has lost
    its time; and they cost the same:
    before settlement nobody can know which it is. Plivo has no such calls
    (plivo-contract 3.1).
    """
    if history.crossed and "without time" in spoilt.faults:
        return True
    return any(
        abs(one.ended - other.ended) <= AGAIN
        and (one.ended == other.ended or _lasted(one) == _lasted(other))
        for one, other in combinations(history.calls, 2)
    )


def _lasted(call: TrueCall) -> timedelta:
    return call.ended - call.began


def _of_money(calls: Sequence[Call], spoilt: Spoilt) -> Iterator[str]:
    """Check that what was told of money and seconds is counted, and once.

    A call costs what the end of the whole call says, or what its legs' ends say
    together if some of them were lost or the end of the whole call was.
    """
    counted = sum((call.amount or Decimal(0) for call in calls), Decimal(0))
    billed = sum(call.billed_seconds or 0 for call in calls)
    told: dict[int, dict[str, tuple[Decimal, int]]] = defaultdict(dict)
    for report in spoilt.reports:
        cost = _cost_of(report)
        had = told[report.call].get(report.name, cost)
        told[report.call][report.name] = max(cost[0], had[0]), max(cost[1], had[1])
    amount, seconds = Decimal(0), 0
    for of_call in told.values():
        whole = of_call.pop("SessionPartiesHangup", (Decimal(0), 0))
        amount += max(whole[0], sum((each[0] for each in of_call.values()), Decimal(0)))
        seconds += max(whole[1], sum(each[1] for each in of_call.values()))
    if counted > amount:
        yield "money is counted twice"
    if billed > seconds:
        yield "seconds are counted twice"
    if counted < amount:
        yield "money is lost"
    if billed < seconds:
        yield "seconds are lost"


def _cost_of(report: Report) -> tuple[Decimal, int]:
    amount, billed = (
        report.attributes.get(n, "") for n in ("Amount", "BilledDuration")
    )
    known = amount not in ("", "x"), billed not in ("", "x")
    return Decimal(amount) if known[0] else Decimal(0), int(billed) if known[1] else 0


def _of_settled(
    settled: Sequence[Call], history: History, spoilt: Spoilt
) -> Iterator[str]:
    if len(settled) != len(history.calls):
        yield "settled calls are not as many as Plivo's"
        return
    pairs = zip(
        sorted(settled, key=lambda c: c.started_at or EARLIEST),
        sorted(enumerate(history.calls), key=lambda c: c[1].began),
        strict=True,
    )
    for call, (number, true) in pairs:
        times = (call.started_at, call.answered_at, call.ended_at, call.talk_seconds)
        if times != (true.began, true.answered, true.ended, true.talk):
            yield "a settled call has other times than Plivo's"
        if (call.amount, call.billed_seconds) != (true.amount, true.billed):
            yield "a settled call has another cost than Plivo's"
        if not call.is_over or call.certainty != "settled":
            yield "a settled call has no end"
        allowed = {true.outcome}
        if true.outcome == "pin_failed":
            # No record tells of a PIN, a callback does, and of calls that overlap it
            # may be either's.
            told = any(r.call == number and r.name == PIN for r in spoilt.reports)
            allowed = {"unknown"} if not told else allowed
            allowed |= {"pin_failed", "unknown"} if history.crossed else set()
        if call.outcome not in allowed:
            yield f"a settled call is {call.outcome} that was {true.outcome}"


def _of_few_faults(
    calls: Sequence[Call],
    reports: Mapping[str, Report],
    history: History,
    spoilt: Spoilt,
) -> Iterator[str]:
    """Check what one fault may not do to a call, whatever befalls the others.

    The calls of *history* lie apart.
    """
    heard = sorted({report.call for report in spoilt.reports})
    struck = Counter(spoilt.struck)
    if max(struck.values(), default=0) <= 1 and len(calls) != len(heard):
        yield f"{len(heard)} calls became {len(calls)} ({spoilt.faults})"
    for number in heard:
        if struck[number] > 1:
            continue
        found = [
            call
            for call in calls
            if number in {reports[digest].call for digest in call.digests}
        ]
        if len(found) > 1:
            yield f"one call became {len(found)} ({spoilt.faults})"
            continue
        [call] = found
        of_call = [reports[digest] for digest in call.digests]
        if {report.call for report in of_call} == {number}:
            yield from _of_outcome(call, history.calls[number], of_call, spoilt)
        elif all(struck[report.call] <= 1 for report in of_call):
            yield f"calls became one ({spoilt.faults})"


def _of_outcome(
    call: Call, true: TrueCall, of_call: Sequence[Report], spoilt: Spoilt
) -> Iterator[str]:
    ended = any(
        word in report.name
        for report in of_call
        for word in ("Hangup", "Comp", "Failed")
    )
    if ended and not call.is_over:
        yield f"a call is open that is over ({spoilt.faults})"
    allowed = {true.outcome}
    if true.outcome in ("cancelled", "pin_failed"):
        allowed |= {"unknown", "cancelled"}
    if true.outcome in ("busy", "rejected", "no_answer"):
        allowed |= {"unknown"}
    if call.is_over and call.outcome not in allowed:
        yield f"{true.outcome} became {call.outcome} ({spoilt.faults})"
