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

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.gathered import Gathered
from masking.domain.plivo_events import Stage

# So much later what began a call can come again and still be the same.
AGAIN = timedelta(seconds=3)

# So long after a call's end its callbacks may be stamped.
LATE = timedelta(seconds=30)

# So long a phone may ring; a piece of a call never waits longer for the next.
RINGING = timedelta(seconds=120)

# Times are to the second, and so are durations.
AT_ONCE = 1.5
FAR = 1_000.0

# By so much durations and times may disagree.
SLACK = timedelta(seconds=5)

# So many calls back, and callbacks ahead, are looked at: what it takes to gather grows
# with the history and not with its square. Of calls that began before, only those that
# a duration reaches back to can end.
NEAR = 8
AHEAD = 64

# The last place in `PLACES` before the answer of who was called.
ANSWERED = 6

# Events from `PLACES` before which nothing of a call comes.
LAST_START = 4


def gather(events: Sequence[CallbackEvent]) -> list[Gathered]:
    """Gather callbacks of calls, in their order, into calls, the oldest first."""
    calls: list[Gathered] = []
    long: list[Gathered] = []
    for at, event in enumerate(events):
        near = [*(c for c in long[-NEAR:] if _is_long(c, event)), *calls[-NEAR:]]
        call = _home_of(event, near, events[at + 1 : at + 1 + AHEAD])
        if call is None:
            call = Gathered()
            calls.append(call)
            long = [
                each for each in (*long, *calls[-NEAR - 1 : -NEAR]) if not each.is_over
            ]
        call.add(event)
    return sorted(_fewest(calls), key=lambda call: call.since)


def _is_long(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a call went on while more than `NEAR` others began, until now."""
    if event.stage < Stage.ENDING:
        return False
    ends = call.has_end and event.at - call.last <= AGAIN
    return ends or _reach_of_other_leg(call, event) < FAR


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
        return _ended_by(event, known, later)
    newest = known[-1]
    double = newest.same(event)
    if event.place <= LAST_START and event.leg != "Second":
        return newest if _is_start_of(newest, event, double) else None
    if newest.is_over or (newest.has_end and event.at - newest.last > SLACK):
        near = event.at - newest.last <= SLACK
        return newest if near and not _begins_another(event, later) else None
    since = event.at - (double.at if double else newest.last)
    return newest if since <= RINGING else None


def _is_start_of(
    call: Gathered, event: CallbackEvent, double: CallbackEvent | None
) -> bool:
    """Return whether a callback of a call's start belongs to a call that is known."""
    if call.is_over and event.at >= call.last:
        return False
    if double:
        return event.at - double.at <= AGAIN
    started = event.at - call.began <= RINGING
    further = any(
        each.place > event.place and each.at < event.at - AGAIN for each in call.facts
    )
    return started and not further and not call.has_end


def _begins_another(event: CallbackEvent, later: Iterable[CallbackEvent]) -> bool:
    """Return whether more of a call follows soon on what may be a late callback."""
    return any(
        each.stage is Stage.CONNECTING and each.slot != event.slot
        for each in later
        if each.at - event.at <= RINGING
    )


def _ended_by(
    event: CallbackEvent, calls: Sequence[Gathered], later: Sequence[CallbackEvent]
) -> Gathered | None:
    """Return the call of a callback of a call's end."""
    free = [c for c in calls if not c.same(event) and _may_end(c, event)]
    for call in reversed(calls):
        told = [each for each in call.events if each.slot == event.slot]
        if any(_is_repeat(each, event) for each in told):
            return call
    reached = _nearest(free, event, _reach)
    if reached:
        return reached
    # The legs of a call end together.
    ending = [c for c in free if c.has_end and event.at - c.last <= AGAIN]
    reached = _nearest(ending or free, event, _reach_of_other_leg)
    if reached or ending:
        return reached or ending[-1]
    started = [c for c in free if not c.has_end] or [c for c in free if not c.is_over]
    started = [c for c in started if not _is_belied(c, event)] or started
    # Unless people talk in it a call has ended by now.
    started = [c for c in started if _may_be_up(c, event)] or started
    if len(started) > 1:
        return _of_two_open(started, event, later)
    if free:
        return started[-1] if started else free[-1]
    doubles = [c for c in calls if c.same(event) and _repeats_end(c, event)]
    return doubles[-1] if doubles else None


def _may_be_up(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a call may go on when *event* comes: it rings, or people talk."""
    talked = any(each.place > ANSWERED for each in call.facts)
    return talked or event.at - call.last <= RINGING


def _is_belied(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a duration says that its leg was not one of the call's.

    The call's own was answered at another time, or the call began after it.
    """
    if not event.duration:
        return False
    begun = event.at - timedelta(seconds=event.duration)
    own = [each.at for each in call.facts if each.is_answer and each.leg == event.leg]
    if own:
        return all(abs(begun - at) > SLACK for at in own)
    return call.facts[0].place <= LAST_START and begun < call.began - SLACK


def _of_two_open(
    started: Sequence[Gathered], event: CallbackEvent, later: Sequence[CallbackEvent]
) -> Gathered:
    """Return which of the calls that are open ends.

    They overlap if all of them will have an end; else one has lost it, or has begun
    in appearance alone, because its start was told again.
    """
    newest, before = started[-1], started[-2]
    ends = 1 + sum(each.slot == event.slot for each in later)
    if newest.began == event.at or ends >= len(started):
        return started[0]
    only_start = all(each.place <= LAST_START for each in newest.events)
    return before if only_start and newest.began - before.last <= LATE else newest


def _may_end(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a call without this fact can have it."""
    if call.has_end and event.at - call.last > LATE:
        return False
    if not event.duration:
        return True
    begun = event.at - timedelta(seconds=event.duration)
    answers = [each.at for each in call.facts if each.is_answer]
    if len(answers) > 1:
        return begun <= max(answers) + SLACK
    # Who was called may have answered later, without a word of it.
    return begun <= max(answers, default=call.last) + RINGING


def _nearest(
    calls: Sequence[Gathered],
    event: CallbackEvent,
    reach: Callable[[Gathered, CallbackEvent], float],
) -> Gathered | None:
    """Return the call that an end's duration reaches best, the newest of equals."""
    reached = [(reach(call, event), -place) for place, call in enumerate(calls)]
    missed, place = min(reached, default=(FAR, 0))
    return calls[-place] if missed < FAR else None


def _reach(call: Gathered, event: CallbackEvent) -> float:
    """Return by how many seconds a duration misses the answer of the leg that ends.

    The end of the whole call reaches back to the last answer. `FAR` says that it
    reaches none.
    """
    answers = [each for each in call.facts if each.is_answer]
    if not event.leg:
        return _missed(event, answers[1:] and answers[-1:])
    return _missed(event, [each for each in answers if each.leg == event.leg])


def _reach_of_other_leg(call: Gathered, event: CallbackEvent) -> float:
    """Return by how many seconds a duration misses any answer of a call."""
    return _missed(event, [each for each in call.facts if each.is_answer])


def _missed(event: CallbackEvent, answers: Sequence[CallbackEvent]) -> float:
    if not event.duration:
        return FAR
    begun = event.at - timedelta(seconds=event.duration)
    missed = min((abs((begun - e.at).total_seconds()) for e in answers), default=FAR)
    return missed if missed <= AT_ONCE else FAR


def _is_repeat(double: CallbackEvent, event: CallbackEvent) -> bool:
    """Return whether an end is told again, with one attribute altered at most.

    What one of them does not say they agree in.
    """
    if not _may_repeat(double, event) or not (event.has_cost and double.has_cost):
        return False
    names = double.attributes.keys() & event.attributes.keys()
    altered = [
        name
        for name in names - {"EventTimestamp"}
        if len({double.attributes[name], event.attributes[name], ""}) > 2
    ]
    return len(altered) <= 1


def _may_repeat(double: CallbackEvent, event: CallbackEvent) -> bool:
    """Return whether an end can be told again: at another time, or with other seconds.

    With both it is the end of another leg.
    """
    if event.at == double.at:
        return True
    longs = (double.duration, event.duration)
    return abs(event.at - double.at) <= AGAIN and (
        not all(longs) or longs[0] == longs[1]
    )


def _repeats_end(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether an end that a call has already is told once more.

    What has cost something is another call's rather than lost.
    """
    double = call.same(event)
    if double is None:
        return False
    if _may_repeat(double, event):
        return True
    if event.told_at is None:
        # It may be received at any time after it happened.
        return event.duration == double.duration
    return event.at - call.last <= LATE and not event.is_paid


def _same_caller(call: Gathered, event: CallbackEvent) -> bool:
    caller = event.attributes.get("From", "")
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
