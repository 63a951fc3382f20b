"""From the set of a session's callbacks to its calls. Pure.

Order, repetition and lateness of arrival make no difference: callbacks are ordered by
what they say (see `history`) and each counts once. What Plivo answered to a question
(a snapshot) outweighs what callbacks imply; the newest does.

A call is `certain` if it is over and nothing of the session, in a long one until then,
is missing, in doubt or in conflict, `settled` if it is taken from a final snapshot, and
otherwise `inferred`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from masking.core import callers
from masking.domain import gather_calls, settled_calls, split_calls
from masking.domain.callback_event import EARLIEST, CallbackEvent, ordered
from masking.domain.calls import CERTAIN, INFERRED, SETTLED, Call, call_from
from masking.domain.checkpoints import BEGINNING, Checkpoint
from masking.domain.gathered import Gathered
from masking.domain.inferred_order import with_order
from masking.domain.plivo_events import NUMBER_REPLACED, PARTIES_HANGUP, Stage

__all__ = [
    "CERTAIN",
    "INFERRED",
    "SETTLED",
    "Snapshot",
    "Timeline",
    "build_timeline",
    "may_end_call",
]


@dataclass(frozen=True)
class Snapshot:
    """What Plivo answered when it was asked at *taken_at*.

    *interactions* are Plivo's, one for each call, oldest first; *final* says that
    the session was over and its totals at rest, *reopened* that something came later
    and Plivo is asked once more.
    """

    taken_at: datetime
    virtual_number: str | None = None
    interactions: Sequence[Mapping[str, Any]] = ()
    billed_seconds: int | None = None
    amount: Decimal | None = None
    final: bool = False
    reopened: bool = False


@dataclass(frozen=True)
class Timeline:
    """What became of a session: its calls, its number now, all callbacks in order.

    With *is_cut* it is a part of that, made of some of the callbacks. *is_whole* says
    that nothing of it is missing, in doubt or in conflict, nor of what was before.
    """

    calls: tuple[Call, ...]
    virtual_number: str | None
    history: tuple[CallbackEvent, ...]
    billed_seconds: int = 0
    amount: Decimal = Decimal(0)
    is_cut: bool = False
    is_whole: bool = False
    _places: Mapping[str, int] = field(default_factory=dict)

    def call_of(self, digest: str) -> Call | None:
        """Return the call that a callback belongs to, None for the session's own."""
        place = self._places.get(digest)
        return None if place is None else self.calls[place]


def build_timeline(
    events: Iterable[CallbackEvent],
    parties: Mapping[str, str | None],
    *,
    virtual_number: str | None = None,
    snapshots: Iterable[Snapshot] = (),
    is_cut: bool = False,
    since: Checkpoint = BEGINNING,
) -> Timeline:
    """Build the timeline of a session: calls, number now, callbacks in order.

    *parties* are the numbers of `first` and `second`; *virtual_number* is the one that
    the session was created with. With *is_cut* the session has more callbacks: nothing
    is certain then, and which of its calls these are is not known. They are all that
    came after the checkpoint *since*.
    """
    history = ordered(events)
    newest = max(snapshots, key=_order_of, default=None)
    calls, is_whole = _calls_of(history, parties, since)
    if is_cut:
        calls = [replace(each, certainty=INFERRED, is_counted=False) for each in calls]
    if newest and newest.final:
        calls = settled_calls.settle(
            calls,
            newest.interactions,
            history,
            parties,
            is_reopened=newest.reopened,
        )
    billed = sum(call.billed_seconds or 0 for call in calls)
    amount = sum((call.amount or Decimal(0) for call in calls), Decimal(0))
    if newest and newest.billed_seconds is not None:
        billed = newest.billed_seconds
    if newest and newest.amount is not None:
        amount = newest.amount
    return Timeline(
        calls=tuple(calls),
        virtual_number=_number_now(history, newest) or virtual_number,
        history=tuple(history),
        billed_seconds=billed,
        amount=amount,
        is_cut=is_cut,
        is_whole=is_whole and not is_cut,
        _places={d: place for place, call in enumerate(calls) for d in call.digests},
    )


def _order_of(snapshot: Snapshot) -> tuple[datetime, bool, str]:
    return snapshot.taken_at, snapshot.final, repr(snapshot)


def _calls_of(
    history: Sequence[CallbackEvent],
    parties: Mapping[str, str | None],
    since: Checkpoint,
) -> tuple[list[Call], bool]:
    """Build the calls that callbacks tell of; return also whether all is there."""
    of_calls = [each for each in history if each.is_of_call]
    chains = split_calls.split_calls(of_calls)
    strict = chains is not None
    gathered = (
        gather_calls.gather(with_order(of_calls, history))
        if chains is None
        else [Gathered(chain) for chain in chains]
    )
    whole = strict and _is_whole(history, [each.events for each in gathered], since)
    calls = [
        call_from(
            since.calls + number,
            each.evidence,
            parties,
            digests=[event.digest for event in each.events],
            is_whole=whole,
            is_followed=number < len(gathered)
            and gathered[number].began > each.events[-1].at,
        )
        for number, each in enumerate(gathered, start=1)
    ]
    return calls, whole


def _is_whole(
    history: Sequence[CallbackEvent],
    chains: Sequence[Sequence[CallbackEvent]],
    since: Checkpoint,
) -> bool:
    """Return whether nothing is missing and no callback could be another call's."""
    if not since.is_whole or not all(each.is_timed_plainly for each in history):
        return False
    # Two calls that touch within a second were split by inference.
    for before, after in pairwise(chains):
        if before[-1].at >= after[0].at:
            return False
    if split_calls.restarts([each for chain in chains for each in chain]):
        # `split_calls` has seen to it that each begins with 1 and has no gap.
        return since in (BEGINNING, replace(since, number=None))
    numbers = sorted(each.sequence or 0 for each in history)
    first = (since.number or 0) + 1
    return numbers == list(range(first, first + len(numbers)))


def _number_now(
    history: Sequence[CallbackEvent], newest: Snapshot | None
) -> str | None:
    """Return the number that replaced the session's last, unless Plivo knows better."""
    number, since = None, EARLIEST
    for each in history:
        if each.name == NUMBER_REPLACED:
            new = callers.writing_of(each.attributes.get("VirtualNumber")).number
            number, since = (new, each.at) if new else (number, since)
    if newest and newest.virtual_number and newest.taken_at > since:
        return newest.virtual_number
    return number


def may_end_call(digest: str, call: Call, timeline: Timeline) -> bool:
    """Return whether a callback may be a call's last, although not by its name."""
    of_call = [each for each in timeline.history if each.digest in call.digests]
    if not call.is_over or any(each.name == PARTIES_HANGUP for each in of_call):
        return False
    ends = [each.digest for each in of_call if each.stage >= Stage.ENDING]
    return digest in ends
