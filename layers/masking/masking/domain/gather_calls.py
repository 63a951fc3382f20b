"""Gather callbacks into calls where some are lost, doubled, late or altered.

`split_calls` divides a history in which nothing is wrong, and says so. Everything else
comes here. Each callback in its order joins the call that it fits best:

1. Callers that differ are of different calls; a recording is of one call.
2. A call has each fact once. A second one is a double of the first, not another call,
   if it lies within the call or soon after it.
3. What begins a call begins another one where the last has ended, or has begun a while
   before.
4. The end of a leg belongs to the call that its duration reaches back to, else to the
   newest that has not ended; in the second in which another begins, to the older.
5. Of the ways that remain the one with the fewest calls is taken: a piece without an
   end that lies within another call is part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.ends_of_calls import (
    AGAIN,
    LAST_START,
    RINGING,
    SLACK,
    ended_by,
    is_long,
)
from masking.domain.gathered import Gathered
from masking.domain.plivo_events import Stage

# So many calls back, and callbacks ahead, are looked at: what it takes to gather grows
# with the history and not with its square. Of calls that began before, only those that
# a duration reaches back to can end.
NEAR = 8
AHEAD = 64


def gather(events: Sequence[CallbackEvent]) -> list[Gathered]:
    """Gather callbacks of calls, in their order, into calls, the oldest first."""
    calls: list[Gathered] = []
    long: list[Gathered] = []
    for at, event in enumerate(events):
        near = [*(c for c in long[-NEAR:] if is_long(c, event)), *calls[-NEAR:]]
        call = _home_of(event, near, events[at + 1 : at + 1 + AHEAD])
        if call is None:
            call = Gathered()
            calls.append(call)
            long = [
                each for each in (*long, *calls[-NEAR - 1 : -NEAR]) if not each.is_over
            ]
        call.add(event)
    return sorted(_fewest(calls), key=lambda call: call.since)


def _home_of(
    event: CallbackEvent, calls: Sequence[Gathered], later: Sequence[CallbackEvent]
) -> Gathered | None:
    """Return the call that a callback belongs to; None if it begins another."""
    known = [each for each in calls if _same_caller(each, event)]
    if not known:
        return None
    recorded = [each for each in known if event.recording in each.recordings]
    if event.recording and recorded:
        return recorded[-1]
    if event.stage >= Stage.ENDING:
        return ended_by(event, known, later)
    newest = known[-1]
    double = newest.same(event)
    if event.place <= LAST_START and event.leg != "Second":
        return newest if _is_start_of(newest, event, double) else None
    if newest.is_over or (newest.has_end and event.at - newest.last > SLACK):
        near = event.at - newest.last <= SLACK
        return newest if near and not _begins_another(event, later) else None
    if double is None and event.at - newest.began <= AGAIN:
        again = [c for c in known[:-1] if not c.has_end and _is_again(c, event)]
        if again:
            return again[-1]
    since = event.at - (double.at if double else newest.last)
    return newest if since <= RINGING else None


def _is_again(call: Gathered, event: CallbackEvent) -> bool:
    double = call.same(event)
    return double is not None and event.at - double.at <= AGAIN


def _is_start_of(
    call: Gathered, event: CallbackEvent, double: CallbackEvent | None
) -> bool:
    """Return whether a callback of a call's start belongs to a call that is known."""
    if call.is_over and event.at >= call.last:
        return False
    if double:
        told = [each.at for each in call.events if each.slot == event.slot]
        return event.at - max(told) <= AGAIN
    started = event.at - call.began <= RINGING
    further = any(
        each.place > event.place and each.at <= event.at - AGAIN for each in call.facts
    )
    return started and not further and not call.has_end


def _begins_another(event: CallbackEvent, later: Iterable[CallbackEvent]) -> bool:
    """Return whether more of a call follows soon on what may be a late callback."""
    return any(
        each.stage is Stage.CONNECTING and each.slot != event.slot
        for each in later
        if each.at - event.at <= RINGING
    )


def _same_caller(call: Gathered, event: CallbackEvent) -> bool:
    caller = event.caller
    return not caller or not call.caller or caller == call.caller


def _fewest(calls: Sequence[Gathered]) -> list[Gathered]:
    """Join what needs not be a call of its own to the call that it lies within."""
    kept: list[Gathered] = []
    for call in calls:
        home = next((c for c in reversed(kept[-NEAR:]) if _holds(c, call)), None)
        if home is None:
            kept.append(call)
            continue
        for event in call.events:
            home.add(event)
        home.events.sort(key=lambda each: each.order)
    return kept


def _holds(call: Gathered, piece: Gathered) -> bool:
    """Return whether a piece is part of a call, although it seemed another's."""
    if call.caller and piece.caller and call.caller != piece.caller:
        return False
    if EARLIEST in (piece.began, call.began):
        return False
    if not piece.has_end:
        return piece.events[-1].at <= call.events[-1].at
    # The end of a call whose start seemed to be another's.
    starts = any(each.place <= LAST_START for each in piece.facts)
    lacks = not call.has_end and all(not call.same(each) for each in piece.facts)
    return lacks and not starts and piece.began - call.last <= RINGING
