"""Infer the number or the time that a callback lost from those of its neighbors.

That is possible where SequenceNumber counts through the session: who lost its time
happened between the neighbors of its number, and who lost its number has the one that
is missing among its neighbors in time. It is done for the order alone, in which
callbacks are gathered into calls; nothing of it is shown, and nothing is certain then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby, pairwise

from masking.core.times import stamp
from masking.domain.callback_event import CallbackEvent
from masking.domain.plivo_events import Stage

# Of numbers that begin anew with each call more than this many are shared.
MOST_SHARED = 0.25

# A number that is later by more than this than the next was counted in another call.
ASTRAY = timedelta(seconds=10)


def with_order(
    events: Sequence[CallbackEvent], history: Sequence[CallbackEvent]
) -> list[CallbackEvent]:
    """Return callbacks of calls in order, each with the order that can be inferred.

    *history* holds the session's others as well, which have numbers too.
    """
    numbered = {e.sequence for e in events if e.sequence is not None}
    count = sum(each.sequence is not None for each in events)
    if not numbered:
        return list(events)
    if count - len(numbered) > MOST_SHARED * count or _begin_anew(events):
        return _seated(_in_turn(events))
    timed = _timed(events)
    if not timed:
        return _seated(_in_turn(events))
    used = {each.sequence for each in history}
    found = _numbered([_with_time(each, timed) for each in events], timed, used)
    return _seated(sorted(found, key=lambda each: each.order))


def _seated(events: Sequence[CallbackEvent]) -> list[CallbackEvent]:
    """Put callbacks without a number where they fit among those of their second."""
    found: list[CallbackEvent] = []
    for _, group in groupby(events, key=lambda each: each.at):
        second = list(group)
        seats = [each for each in second if each.sequence is not None]
        for each in second:
            if each.sequence is None:
                seats.insert(_seat_of(each, seats), each)
        found += seats
    return found


def _seat_of(event: CallbackEvent, seats: Sequence[CallbackEvent]) -> int:
    """Return before which of the callbacks of its second one can stand.

    The end of a call stands before the start of the next, anything else behind it.
    """
    places = [-1, *(each.place for each in seats)]
    free = [
        seat
        for seat, before in enumerate(places)
        if before <= event.place
        and (seat == len(seats) or not before <= places[seat + 1] < event.place)
    ]
    return free[0] if event.stage >= Stage.ENDING else free[-1]


def _in_turn(events: Sequence[CallbackEvent]) -> list[CallbackEvent]:
    """Put what lost its time before what has a later number, where they begin anew.

    It was received soon after that happened, and both are of one part of a call.
    """
    found: list[CallbackEvent] = []
    for each in events:
        seat = len(found)
        while seat and each.told_at is None and _precedes(each, found[seat - 1]):
            seat -= 1
        at = found[seat].at if seat < len(found) else each.at
        found.insert(
            seat, each if at == each.at else replace(each, received_at=stamp(at))
        )
    return found


def _precedes(event: CallbackEvent, other: CallbackEvent) -> bool:
    if event.sequence is None or other.sequence is None:
        return False
    near = event.at - other.at <= ASTRAY
    ends = (event.stage >= Stage.ENDING, other.stage >= Stage.ENDING)
    return near and ends[0] == ends[1] and event.sequence < other.sequence


def _begin_anew(events: Sequence[CallbackEvent]) -> bool:
    """Return whether numbers are borne by two callbacks that lie far apart.

    That is, one of them by the same event of two calls, or more than one by any: a
    single one can be an altered number.
    """
    first: dict[int, CallbackEvent] = {}
    found = set()
    for each in sorted((e for e in events if e.told_at), key=lambda e: e.order):
        if each.sequence is None:
            continue
        before = first.setdefault(each.sequence, each)
        if each.at - before.at > ASTRAY:
            if before.slot == each.slot:
                return True
            found.add(each.sequence)
    return len(found) > 1


def _timed(events: Sequence[CallbackEvent]) -> list[tuple[int, CallbackEvent]] | None:
    """Return the callbacks that have both, by number, as far as times agree with it.

    None if they disagree by so much that numbers begin anew with each call.
    """
    both = sorted(
        ((e.sequence, e.at, e) for e in events if e.told_at and e.sequence is not None),
        key=lambda each: each[:2],
    )
    # Of each number the earliest: a double may be stamped later.
    once = {number: each for number, _, each in reversed(both)}
    found = sorted(once.items())
    if any(
        before.at - after.at > ASTRAY for (_, before), (_, after) in pairwise(found)
    ):
        return None
    return [
        (number, each)
        for place, (number, each) in enumerate(found)
        if all(before.at <= each.at for _, before in found[max(0, place - 1) : place])
    ]


def _with_time(
    event: CallbackEvent, timed: Sequence[tuple[int, CallbackEvent]]
) -> CallbackEvent:
    if event.told_at or event.sequence is None or not event.received_at:
        return event
    place = bisect_left(timed, event.sequence, key=lambda each: each[0])
    before = timed[place - 1][1] if place > 0 else None
    after = timed[place][1] if place < len(timed) else None
    if after and after.sequence == event.sequence and after.slot != event.slot:
        # One of them has another's number.
        return event
    if before and before.at > event.at:
        # Nothing happens after it was told: the number is another's.
        return event
    at = min(event.at, after.at) if after else event.at
    ends = event.stage >= Stage.ENDING
    if ends and before and after and before.stage >= Stage.ENDING:
        # The ends of a call come together, and their numbers.
        ahead = (after.sequence or 0) - event.sequence
        behind = event.sequence - (before.sequence or 0)
        if after.stage < Stage.ENDING or behind <= ahead:
            at = before.at
    reaches = at - timedelta(seconds=event.duration or 0)
    if at == event.at or (event.duration and reaches < timed[0][1].at - ASTRAY):
        # A neighbor's number is wrong: nothing was up for so long by then.
        return event
    return replace(event, received_at=stamp(at))


def _numbered(
    events: Sequence[CallbackEvent],
    timed: Sequence[tuple[int, CallbackEvent]],
    used: Container[int | None],
) -> list[CallbackEvent]:
    """Put each number that is missing in the one callback that it fits."""
    gaps = [
        (number, before.at, after.at)
        for (low, before), (high, after) in pairwise(timed)
        for number in range(low + 1, min(high, low + 4))
        if number not in used
    ]
    starts = [since for _, since, _ in gaps]
    free: dict[int, list[CallbackEvent]] = {}
    told = {(each.slot, each.at) for each in events if each.sequence is not None}
    for each in events:
        if each.sequence is not None or not each.told_at:
            continue
        if (each.slot, each.at) in told:
            # It only repeats one that has its number.
            continue
        first = bisect_left(starts, each.at) - 1
        while first > 0 and gaps[first - 1][2] >= each.at:
            first -= 1
        for number, since, until in gaps[max(first, 0) :]:
            if since > each.at:
                break
            if each.at <= until:
                free.setdefault(number, []).append(each)
    fits: dict[str, list[int]] = {}
    for number, candidates in free.items():
        for each in candidates:
            fits.setdefault(each.digest, []).append(number)
    given = {
        digest: numbers[0]
        for digest, numbers in fits.items()
        if len(numbers) == 1 and len(free[numbers[0]]) == 1
    }
    return [
        replace(
            each,
            attributes={**each.attributes, "SequenceNumber": str(given[each.digest])},
        )
        if each.digest in given
        else each
        for each in events
    ]
