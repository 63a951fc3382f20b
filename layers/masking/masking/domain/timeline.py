"""From the set of a session's callbacks to its calls. Pure.

Order, repetition and lateness of arrival make no difference: callbacks are ordered by
what they say (see `history`) and each counts once. What Plivo answered to a question
(a snapshot) outweighs what callbacks imply; the newest does.

A call is `certain` if nothing is missing and nothing can belong to another call,
`settled` if a final snapshot has as many calls, and otherwise `inferred`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from masking.core.amounts import money, whole_number
from masking.core.numbers import normal_or_none
from masking.core.times import parse_callback_time
from masking.domain import split_calls
from masking.domain.callback_event import EARLIEST, CallbackEvent, ordered
from masking.domain.calls import Call, call_from
from masking.domain.plivo_events import NUMBER_REPLACED, PARTIES_HANGUP

CERTAIN = "certain"
INFERRED = "inferred"
SETTLED = "settled"


@dataclass(frozen=True)
class Snapshot:
    """What Plivo answered when it was asked at *taken_at*.

    *interactions* are Plivo's, one for each call, oldest first; *final* says that
    the session was over and its totals at rest.
    """

    taken_at: datetime
    virtual_number: str | None = None
    interactions: Sequence[Mapping[str, Any]] = ()
    billed_seconds: int | None = None
    amount: Decimal | None = None
    final: bool = False


@dataclass(frozen=True)
class Timeline:
    """What became of a session: its calls, its number now, all callbacks in order."""

    calls: tuple[Call, ...]
    virtual_number: str | None
    history: tuple[CallbackEvent, ...]
    billed_seconds: int = 0
    amount: Decimal = Decimal(0)
    _ordinals: Mapping[str, int] = field(default_factory=dict)

    def call_of(self, digest: str) -> Call | None:
        """Return the call that a callback belongs to, None for the session's own."""
        ordinal = self._ordinals.get(digest)
        return self.calls[ordinal - 1] if ordinal else None


def build_timeline(
    events: Iterable[CallbackEvent],
    parties: Mapping[str, str | None],
    *,
    virtual_number: str | None = None,
    snapshots: Iterable[Snapshot] = (),
) -> Timeline:
    """Build the timeline of a session: calls, number now, callbacks in order.

    *parties* are the numbers of `first` and `second`; *virtual_number* is the one that
    the session was created with.
    """
    history = ordered(events)
    newest = max(snapshots, key=_order_of, default=None)
    chains = split_calls.split_calls([each for each in history if each.is_of_call])
    sure = _are_certain(chains)
    has_end_event = any(each.name == PARTIES_HANGUP for each in history)
    calls = [
        call_from(
            number,
            chain,
            parties,
            certainty=CERTAIN if sure else INFERRED,
            has_end_event=has_end_event,
        )
        for number, chain in enumerate(chains, start=1)
    ]
    if newest:
        calls = _settled(calls, newest)
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
        _ordinals={digest: call.ordinal for call in calls for digest in call.digests},
    )


def _order_of(snapshot: Snapshot) -> tuple[datetime, bool, str]:
    return snapshot.taken_at, snapshot.final, repr(snapshot)


def _are_certain(chains: Sequence[Sequence[CallbackEvent]]) -> bool:
    """Return whether nothing is missing and no callback could be another call's."""
    numbers = [[each.sequence for each in chain] for chain in chains]
    if any(number is None for chain in numbers for number in chain):
        return False
    # Two calls that touch within a second were split by inference.
    for before, after in pairwise(chains):
        if before[-1].at >= after[0].at:
            return False
    if split_calls.restarts([each for chain in chains for each in chain]):
        return all(chain == list(range(1, len(chain) + 1)) for chain in numbers)
    if len(chains) == 1:
        return numbers[0] == list(range(1, len(numbers[0]) + 1))
    # Numbers go on through the session; its own callbacks may take some of them,
    # between calls but not within one.
    return all(
        chain == list(range(chain[0] or 0, (chain[0] or 0) + len(chain)))
        for chain in numbers
    ) and all(any(each.name == PARTIES_HANGUP for each in chain) for chain in chains)


def _number_now(
    history: Sequence[CallbackEvent], newest: Snapshot | None
) -> str | None:
    """Return the number that replaced the session's last, unless Plivo knows better."""
    number, since = None, EARLIEST
    for each in history:
        if each.name == NUMBER_REPLACED:
            new = normal_or_none(each.attributes.get("VirtualNumber"))
            number, since = (new, each.at) if new else (number, since)
    if newest and newest.virtual_number and newest.taken_at > since:
        return newest.virtual_number
    return number


def _settled(calls: list[Call], snapshot: Snapshot) -> list[Call]:
    """Take over what a snapshot says of each call, if it has as many."""
    if len(calls) != len(snapshot.interactions):
        return calls
    begun = [
        parse_callback_time(str(each.get("start_time")))
        for each in snapshot.interactions
    ]
    whose = sorted(range(len(begun)), key=lambda i: (begun[i] or EARLIEST, i))
    return [
        replace(
            call,
            certainty=SETTLED if snapshot.final else call.certainty,
            billed_seconds=_or(interaction.get("call_billed_duration"), call),
            amount=money(interaction.get("total_call_amount")) or call.amount,
        )
        for call, interaction in zip(
            calls, (snapshot.interactions[i] for i in whose), strict=True
        )
    ]


def _or(billed: object, call: Call) -> int | None:
    known = whole_number(billed)
    return call.billed_seconds if known is None else known


def may_end_call(digest: str, call: Call, timeline: Timeline) -> bool:
    """Return whether a callback may be a call's last, although not by its name."""
    of_call = [each for each in timeline.history if each.digest in call.digests]
    if not call.is_over or any(each.name == PARTIES_HANGUP for each in of_call):
        return False
    ends = [each.digest for each in of_call if each.is_end_of_leg]
    return digest in ends
