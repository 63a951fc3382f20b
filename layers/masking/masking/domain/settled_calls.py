"""Build calls from Plivo's own records, fetched after a session's end.

They say how many calls there were, when, what came of them and what they cost; the
callbacks are attached to them for what records lack (plivo-contract 3.1).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from masking.core.amounts import money
from masking.domain import hangup_causes
from masking.domain.call_records import CallRecord, Record
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import (
    INFERRED,
    SETTLED,
    Call,
    call_from,
    without_callbacks,
)
from masking.domain.gathered import Gathered

# So far apart a call's record and its callbacks may be.
APART = timedelta(seconds=5)

# A callback is moved to another record that it fits better by so many seconds.
BETTER = 2.0

# Another cost or another way to end weighs as much as so many seconds.
UNLIKE = 1.5

# A second by which a call seems to begin after its record weighs but so much.
LATE_START = 0.25

# So many records before and after the one that it was taken for are looked at.
NEAR = 8
LONGEST_CALL = timedelta(days=1)

# Outcomes of a call that is over and was not connected, as callbacks tell them.
KNOWN = frozenset({"pin_failed", *hangup_causes.OUTCOMES.values(), "failed"})


def settle(
    calls: Sequence[Call],
    interactions: Sequence[Record],
    history: Sequence[CallbackEvent],
    parties: Mapping[str, str | None],
    *,
    is_reopened: bool = False,
) -> list[Call]:
    """Return the calls of *interactions*, each with the callbacks that fit it.

    *calls* are those that *history*, the callbacks in order, tells of. One that Plivo
    has no record of is part of the record that it lies nearest to, if that is near.
    Else its callbacks belong to no call, unless what came late has the session settled
    once more (*is_reopened*): Plivo may have it by then.
    """
    records = sorted(map(CallRecord, interactions), key=lambda each: each.span)
    home, rest = _matched(calls, records)
    callers = _callers(calls, home, history)
    found = []
    for number, events in enumerate(_attached(records, home, calls, history, callers)):
        record = records[number]
        turned_away = (each.caller for each in events if record.is_explained_by(each))
        caller = next(filter(None, turned_away), callers.get(number))
        told = Gathered()
        for event in events:
            if _is_of_caller(event, caller):
                told.add(event)
        base = without_callbacks(0)
        if events:
            digests = [event.digest for event in events]
            base = call_from(
                *(0, told.evidence, parties),
                digests=digests,
                is_whole=False,
                is_followed=True,
            )
        found.append(_settled(record, base))
    if is_reopened:
        found += [replace(calls[at], certainty=INFERRED) for at in rest]
        found.sort(key=lambda call: call.started_at or EARLIEST)
    return [replace(call, ordinal=n) for n, call in enumerate(found, start=1)]


def _callers(
    calls: Sequence[Call], home: Mapping[int, int], history: Sequence[CallbackEvent]
) -> dict[int, str]:
    """Return who called in each record, as its callbacks write it, if they do.

    Of calls that were taken for one record the first in *home* fits it best.
    """
    by_digest = {each.digest: each.caller for each in history}
    found: dict[int, str] = {}
    for at, number in home.items():
        told = (by_digest.get(digest) for digest in calls[at].digests)
        caller = next(filter(None, told), None)
        if caller:
            found.setdefault(number, caller)
    return found


def _is_of_caller(event: CallbackEvent, caller: str | None) -> bool:
    """Return whether a callback may be of a call of *caller*; None is not known."""
    return not event.caller or caller in (None, event.caller)


def _attached(
    records: Sequence[CallRecord],
    home: Mapping[int, int],
    calls: Sequence[Call],
    history: Sequence[CallbackEvent],
    callers: Mapping[int, str],
) -> list[list[CallbackEvent]]:
    """Return the callbacks of each record, in order.

    They stay with the call that they were taken for, unless a record fits them better
    whose call was not told apart.
    """
    number_of = {d: home[at] for at in home for d in calls[at].digests}
    told_apart = set(home.values())
    found: list[list[CallbackEvent]] = [[] for _ in records]
    spans = [record.span for record in records]
    began = [span[0] for span in spans]
    for event in history:
        number = number_of.get(event.digest)
        if number is None:
            continue
        first = bisect_left(began, event.at - LONGEST_CALL)
        last = bisect_right(began, event.at + APART)
        near = [
            each
            for each in range(max(first, number - NEAR), min(last, number + NEAR))
            # When it was received says less: it goes to a record that has nothing.
            if (event.told_at or each not in told_apart)
            and (
                _is_of_caller(event, callers.get(each))
                or records[each].is_explained_by(event)
            )
        ]
        best = min(near, key=lambda n: records[n].misses(event), default=number)
        if records[best].misses(event) + BETTER < records[number].misses(event):
            number = best
        found[number].append(event)
    return found


def _matched(
    calls: Sequence[Call], records: Sequence[CallRecord]
) -> tuple[dict[int, int], list[int]]:
    """Return which record each call of callbacks is of, by their places; those of none.

    The nearest in time are paired first, then what is left over goes to the record
    that it is nearest to. If as many calls as records are left, none of them near, the
    callbacks' times are wrong and their order is all there is.
    """
    near = _near(calls, records)
    home: dict[int, int] = {}
    taken: set[int] = set()
    for _, at, number in near:
        if at not in home and number not in taken:
            home[at] = number
            taken.add(number)
    for _, at, number in near:
        home.setdefault(at, number)
    free = [number for number in range(len(records)) if number not in taken]
    rest = [at for at in range(len(calls)) if at not in home]
    if len(free) == len(rest):
        home.update(zip(rest, free, strict=True))
    return home, [at for at in rest if at not in home]


def _near(
    calls: Sequence[Call], records: Sequence[CallRecord]
) -> list[tuple[float, int, int]]:
    """List calls and records that overlap, after how much they differ."""
    began = [record.span[0] for record in records]
    longest = max((r.span[1] - r.span[0] for r in records), default=timedelta())
    found = []
    for at, call in enumerate(calls):
        span = call.span
        if span is None:
            continue
        first = bisect_left(began, span[0] - longest - APART)
        for number in range(first, bisect_right(began, span[1] + APART)):
            record = records[number].span
            if record[1] + APART >= span[0]:
                late = (span[0] - record[0]).total_seconds()
                differ = abs((span[1] - record[1]).total_seconds())
                # Of some calls no callback tells the beginning.
                differ += LATE_START * late if late > 0 else -late
                unlike = records[number].contradictions(call)
                found.append((differ + UNLIKE * unlike, at, number))
    return sorted(found)


def _settled(record: CallRecord, told: Call) -> Call:
    """Return the call of a record; *told* is what callbacks say of it."""
    connected = record.is_connected
    answered = record.answered or told.answered_at
    ended = record.ended or told.ended_at
    cause = record.cause
    if connected:
        outcome = "connected"
    elif told.pin and told.pin.outcome == "failed" and not record.is_dialed:
        outcome = "pin_failed"
    else:
        known = None if connected is None else record.unanswered_as
        outcome = known or (told.outcome if told.outcome in KNOWN else "unknown")
    return replace(
        told,
        certainty=SETTLED,
        outcome=outcome,
        started_at=record.began or told.started_at,
        answered_at=answered if connected else None,
        ended_at=ended,
        is_over=True,
        is_dialed=record.is_dialed,
        talk_seconds=_talked(record, answered, ended, told) if connected else 0,
        hangup_cause=cause.record.get("hangup_cause") or told.hangup_cause,
        hangup_code=told.hangup_code if cause.code is None else cause.code,
        billed_seconds=record.billed,
        amount=money(record.record.get("total_call_amount") or "0"),
    )


def _talked(
    record: CallRecord, answered: datetime | None, ended: datetime | None, told: Call
) -> int | None:
    if duration := record.legs[1].duration:
        return duration
    if answered and ended:
        return max(0, int((ended - answered).total_seconds()))
    return told.talk_seconds
