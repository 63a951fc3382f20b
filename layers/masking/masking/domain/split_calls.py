"""Split the callbacks of a session into calls; Plivo sends no id of a call.

This is for a history in which all is as it should be; `gather_calls` has the rest.

Whether SequenceNumber counts through a session or begins anew with each call is not
documented. If two callbacks of a set share one it begins anew. Calls of one session
don't overlap, but a call can end in the second in which the next begins; within that
second numbers that begin anew say nothing about order. So there the callbacks are
split into the end of one call and the start of the next in the one way that leaves
both as calls can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby, product

from masking.domain.callback_event import CallbackEvent
from masking.domain.plivo_events import PARTIES_HANGUP, PIN, Stage

Chain = list[CallbackEvent]

# Of the places in a call those that one may begin with; and what may be the first of a
# call by the second party, if legs are named after who is registered.
LAST_START = 4
SECOND_STARTS = ("SessionSecondPartyInitiated", "SessionSecondPartyAnswer")

# Callbacks of one second that share numbers; beyond, the ways to split explode.
MOST_SHARED = 6

# A leg without any callback ends together with the other, or is another call's.
AT_ONCE = timedelta(seconds=1)


def split_calls(events: Sequence[CallbackEvent]) -> list[Chain] | None:
    """Divide callbacks of calls, in their order, into calls in theirs.

    Returns None if they can't be calls of which nothing is missing, doubled or out of
    place; the last one may still go on.
    """
    if any(each.sequence is None or not each.told_at for each in events):
        return None
    anew = restarts(events)
    calls = _by_restart(events) if anew else _by_order(events)
    has_end_event = any(each.name == PARTIES_HANGUP for each in events)
    for number, chain in enumerate(calls, start=1):
        numbers = [each.sequence or 0 for each in chain]
        first = 1 if anew else numbers[0]
        if numbers != list(range(first, first + len(chain))):
            return None
        if number < len(calls) and not is_over(chain, has_end_event=has_end_event):
            return None
        before = calls[number - 2][-1] if number > 1 else None
        if not (_can_begin(chain[0]) or _is_refusal(chain, before, anew=anew)):
            return None
    return calls


def _can_begin(event: CallbackEvent) -> bool:
    """Return whether a callback can be the first of a call."""
    return event.place <= LAST_START or event.name in SECOND_STARTS


def _is_refusal(chain: Chain, before: CallbackEvent | None, *, anew: bool) -> bool:
    """Return whether a call is one of which Plivo tells the end of its leg alone.

    The vocabulary of 2023 has no event for a PIN that was wrong.
    """
    end = chain[0]
    if len(chain) > 1 or not end.name.endswith("PartyComplete"):
        return False
    begun = end.at - timedelta(seconds=end.duration or 0)
    if before and begun < before.at:
        return False
    follows = (before.sequence or 0) + 1 if before and not anew else 1
    return end.sequence == follows


def restarts(events: Iterable[CallbackEvent]) -> bool:
    """Return whether numbers begin anew with each call: two callbacks share one."""
    counted = Counter(each.sequence for each in events)
    return any(n > 1 for sequence, n in counted.items() if sequence is not None)


def is_over(chain: Sequence[CallbackEvent], *, has_end_event: bool) -> bool:
    """Return whether a call has ended.

    *has_end_event* says that Plivo has an event for it; else the legs decide.
    """
    if any(each.name == PARTIES_HANGUP for each in chain):
        return True
    if has_end_event:
        return False
    ended = {each.leg for each in chain if each.is_end_of_leg}
    known = {each.leg for each in chain if each.leg}
    return bool(ended) and ended >= known


def _by_order(events: Sequence[CallbackEvent]) -> list[Chain]:
    """Divide by what can follow what; the order is the true one."""
    has_end_event = any(each.name == PARTIES_HANGUP for each in events)
    calls: list[Chain] = []
    for each in events:
        if calls and _continues(calls[-1], each, has_end_event=has_end_event):
            calls[-1].append(each)
        else:
            calls.append([each])
    return calls


def _by_restart(events: Sequence[CallbackEvent]) -> list[Chain]:
    """Divide where numbers begin anew, second by second."""
    has_end_event = any(each.name == PARTIES_HANGUP for each in events)
    calls: list[Chain] = []
    for _, group in groupby(events, key=lambda each: each.at):
        second = list(group)
        last = calls[-1] if calls else []
        divided = _divide(last, second, has_end_event=has_end_event) or _as_it_comes(
            last, second, has_end_event=has_end_event
        )
        last.extend(divided[0])
        calls.extend(divided[1:] if calls else divided)
    return calls


def _may_follow(call: Chain, each: CallbackEvent, *, has_end_event: bool) -> bool:
    if (each.sequence or 0) <= (call[-1].sequence or 0):
        return False
    return _continues(call, each, has_end_event=has_end_event)


def _continues(call: Chain, each: CallbackEvent, *, has_end_event: bool) -> bool:
    """Return whether *each* can be the next callback of *call*."""
    if each.name == PIN:
        return not is_over(call, has_end_event=has_end_event) and all(
            earlier.stage is Stage.PIN for earlier in call
        )
    if any(earlier.name == each.name for earlier in call):
        return False
    if _caller(call) and _caller([each]) and _caller(call) != _caller([each]):
        return False
    if not is_over(call, has_end_event=has_end_event):
        return each.stage >= max(earlier.stage for earlier in call)
    if each.is_end_of_leg:
        ended = {earlier.leg for earlier in call if earlier.is_end_of_leg}
        known = {earlier.leg for earlier in call if earlier.leg}
        at_once = not has_end_event and each.at - call[-1].at <= AT_ONCE
        return each.leg not in ended and (each.leg in known or at_once)
    return each.stage >= Stage.ENDING


def _caller(call: Sequence[CallbackEvent]) -> str:
    return next((c for each in call if (c := each.caller)), "")


def _divide(
    call: Chain, second: Sequence[CallbackEvent], *, has_end_event: bool
) -> list[Chain] | None:
    """Divide one second's callbacks into the rest of *call* and calls after it.

    Of all ways that keep each part in the order of its numbers the first is taken
    whose parts can be calls, each over before the next begins; ways that leave no gap
    in the numbers come first. None if there is no way.
    """
    last = (call[-1].sequence or 0) if call else 0
    ways = [
        (tail, rest)
        for tail, rest in _ways(last, second)
        if (tail or call)
        and _can_follow(call, tail, has_end_event=has_end_event)
        and (not rest or is_over([*call, *tail], has_end_event=has_end_event))
    ]
    ways.sort(key=lambda way: not _is_gapless(way[0], last))
    for tail, rest in ways:
        if not rest:
            return [tail]
        after = _divide([], rest, has_end_event=has_end_event)
        if after:
            return [tail, *after]
    return None


def _as_it_comes(
    call: Chain, second: Sequence[CallbackEvent], *, has_end_event: bool
) -> list[Chain]:
    """Divide one second's callbacks where the next can't follow the one before."""
    divided: list[Chain] = [[]]
    for each in second:
        current = [*call, *divided[0]] if len(divided) == 1 else divided[-1]
        if not current or _may_follow(current, each, has_end_event=has_end_event):
            divided[-1].append(each)
        else:
            divided.append([each])
    return divided


def _ways(last: int, second: Sequence[CallbackEvent]) -> Iterator[tuple[Chain, Chain]]:
    """List the ways to split a second after number *last*, the longest tail first."""
    later = [each for each in second if (each.sequence or 0) > last]
    below = [each for each in second if (each.sequence or 0) <= last]
    groups = [
        list(group) for _, group in groupby(later, key=lambda each: each.sequence)
    ]
    shared = [group for group in groups if len(group) > 1]
    single = [group[0] for group in groups if len(group) == 1]
    if len(shared) > MOST_SHARED or any(len(group) > 2 for group in shared):
        return
    for cut in range(len(single), -1, -1):
        for picks in product((0, 1), repeat=len(shared)):
            ours = [group[pick] for group, pick in zip(shared, picks, strict=True)]
            others = [
                group[1 - pick] for group, pick in zip(shared, picks, strict=True)
            ]
            for tail, rest in (
                (single[:cut] + ours, single[cut:] + others),
                (single[cut:] + ours, single[:cut] + others),
            ):
                yield _in_turn(tail), _in_turn(below + rest)


def _in_turn(chain: Iterable[CallbackEvent]) -> Chain:
    return sorted(chain, key=lambda each: each.order)


def _can_follow(
    call: Chain, more: Sequence[CallbackEvent], *, has_end_event: bool
) -> bool:
    """Return whether *more* can follow *call*, each in turn."""
    grown = list(call)
    for each in more:
        if grown and not _may_follow(grown, each, has_end_event=has_end_event):
            return False
        grown.append(each)
    return True


def _is_gapless(chain: Sequence[CallbackEvent], last: int) -> bool:
    """Return whether the numbers of *chain* go on from *last* without a gap."""
    expected = range(last + 1, last + 1 + len(chain))
    return [each.sequence for each in chain] == list(expected)
