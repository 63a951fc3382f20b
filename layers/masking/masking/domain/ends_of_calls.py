"""Find the call whose end a callback tells, among those that it may be of.

What is known of a leg decides: how long it was up, which call has lost its end, which
has ended in the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from masking.domain.callback_event import CallbackEvent
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

# The last place in `PLACES` before the answer of who was called.
ANSWERED = 6

# Events from `PLACES` before which nothing of a call comes.
LAST_START = 4


def is_long(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a call went on while more than `NEAR` others began, until now."""
    if event.stage < Stage.ENDING:
        return False
    ends = call.has_end and event.at - call.last <= AGAIN
    return ends or _reach_of_other_leg(call, event) < FAR


def ended_by(
    event: CallbackEvent, calls: Sequence[Gathered], later: Sequence[CallbackEvent]
) -> Gathered | None:
    """Return the call of a callback of a call's end."""
    event = _fuller(event, later)
    free = [c for c in calls if not c.same(event) and _may_end(c, event)]
    for call in reversed(calls):
        told = [each for each in call.events if each.slot == event.slot]
        if any(_is_repeat(each, event) for each in told):
            return call
    own = [call for call in free if not _has_own(call, event, later)]
    reached = _nearest(own, event, _reach) or _nearest(free, event, _reach)
    if reached:
        return reached
    # The legs of a call end together.
    ending = [c for c in free if c.has_end and event.at - c.last <= AGAIN]
    reached = _nearest(ending or free, event, _reach_of_other_leg)
    if reached or ending:
        return reached or ending[-1]
    for other in later:
        if other.at == event.at and other.stage >= Stage.ENDING:
            reached = _nearest(free, other, _reach)
            if reached and other.slot != event.slot:
                return reached
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


def _fuller(event: CallbackEvent, later: Sequence[CallbackEvent]) -> CallbackEvent:
    """Return the same end, told at once with its duration as well, if it is."""
    if event.duration is not None:
        return event
    again = (
        each
        for each in later
        if (each.slot, each.at) == (event.slot, event.at)
        and each.duration is not None
        and _is_repeat(event, each)
    )
    return next(again, event)


def _has_own(
    call: Gathered, event: CallbackEvent, later: Sequence[CallbackEvent]
) -> bool:
    """Return whether another such end follows, which is this caller's by its number."""
    return not event.caller and any(
        each.slot == event.slot
        and each.caller
        and each.caller == call.caller
        and _reach(call, each) < FAR
        for each in later
    )


def _nearest(
    calls: Sequence[Gathered],
    event: CallbackEvent,
    reach: Callable[[Gathered, CallbackEvent], float],
) -> Gathered | None:
    """Return the call that an end's duration reaches best, the newest of equals."""
    reached = [(reach(call, event), -place) for place, call in enumerate(calls)]
    missed, place = min(reached, default=(FAR, 0))
    return calls[-place] if missed < FAR else None


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
    own = [at for leg, at in _answered(call) if leg == event.leg]
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
    own = [c for c in started if any(each.leg == event.leg for each in c.facts)]
    if event.leg and len(own) == 1:
        return own[0]
    newest, before = started[-1], started[-2]
    ends = 1 + sum(each.slot == event.slot for each in later)
    begun = next((e for e in newest.facts if e.leg == event.leg), newest.facts[0])
    ends -= _starts_in(later, begun.slot)
    if newest.began == event.at or ends >= len(started):
        return started[0]
    only_start = all(each.place <= LAST_START for each in newest.events)
    return before if only_start and newest.began - before.last <= LATE else newest


def _starts_in(later: Sequence[CallbackEvent], slot: tuple[int, str]) -> int:
    """Return how many calls begin with a fact; one that is told again counts once."""
    told = [each.at for each in later if each.slot == slot]
    again = sum(after - before <= AGAIN for before, after in pairwise(told))
    return len(told) - again


def _may_end(call: Gathered, event: CallbackEvent) -> bool:
    """Return whether a call without this fact can have it."""
    sure = call.is_over and event.told_at and call.facts[-1].told_at
    late = AGAIN if sure else LATE
    if call.has_end and event.at - call.last > late:
        return False
    if not event.duration:
        return True
    begun = event.at - timedelta(seconds=event.duration)
    answers = [at for _, at in _answered(call)]
    if len(answers) > 1:
        return begun <= max(answers) + SLACK
    # Who was called may have answered later, without a word of it.
    return begun <= max(answers, default=call.last) + RINGING


def _answered(call: Gathered) -> list[tuple[str, datetime]]:
    """Return which legs were answered and when; not if that is inferred."""
    return [
        (each.leg, each.at) for each in call.facts if each.is_answer and each.told_at
    ]


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
    """Return whether an end is told again, with one thing altered at most.

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
    return len(altered) + (event.at != double.at) <= 1


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
