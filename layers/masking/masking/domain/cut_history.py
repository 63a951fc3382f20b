"""Cut the history of a long session where no call is cut. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.calls import Call
from masking.domain.checkpoints import LEAST, LONGEST_CALL, USUAL, Checkpoint
from masking.domain.plivo_events import Stage
from masking.domain.split_calls import restarts
from masking.domain.timeline import Timeline, build_timeline


@dataclass(frozen=True)
class _Gap:
    """The time between a call and the next: how many calls and callbacks before it."""

    calls: int
    callbacks: int
    until: datetime
    length: timedelta


def began_before(
    calls: Sequence[Call], history: Sequence[CallbackEvent], at: datetime
) -> list[Call]:
    """Return the calls whose first callback came before *at*."""
    times = {each.digest: each.at for each in history}
    return [call for call in calls if min(times[d] for d in call.digests) < at]


def checkpoints_in(
    timeline: Timeline,
    parties: Mapping[str, str | None],
    before: Checkpoint,
    until: datetime,
) -> list[Checkpoint]:
    """Return the checkpoints that follow on *before*, none of them after *until*.

    *timeline* is all that came since *before*.
    """
    found: list[Checkpoint] = []
    gaps = [gap for gap in _gaps(timeline) if gap.until <= until]
    last, counted, callbacks = before, 0, 0
    while True:
        free = [gap for gap in gaps if gap.callbacks - callbacks >= LEAST]
        if not free or free[-1].callbacks - callbacks < USUAL:
            # What follows may bring a better one.
            return found
        near = [gap for gap in free if gap.callbacks - callbacks <= USUAL]
        gap = max(near, key=lambda gap: gap.length) if near else free[0]
        part = [e for e in timeline.history if last.at <= e.at < gap.until]
        since_last = gap.calls - counted
        last = Checkpoint(
            gap.until,
            calls=last.calls + since_last,
            since_last=since_last,
            is_whole=build_timeline(part, parties, since=last).is_whole,
            number=_last_number(part, last),
        )
        found.append(last)
        counted, callbacks = gap.calls, gap.callbacks


def _last_number(part: Sequence[CallbackEvent], before: Checkpoint) -> int | None:
    """Return the last number until now, None if numbers begin anew with each call."""
    if restarts(part) or before.number is None:
        return None
    told = (each.sequence for each in part)
    return max((number for number in told if number), default=before.number)


def _gaps(timeline: Timeline) -> list[_Gap]:
    """List the times at which the calls before are over and the others have not begun.

    A call without an end may go on as long as a call can.
    """
    by_digest = {each.digest: each for each in timeline.history}
    told = sorted(
        (
            sorted((by_digest[d] for d in call.digests), key=_order)
            for call in timeline.calls
        ),
        key=lambda events: events[0].order,
    )
    gaps = []
    callbacks, over = 0, EARLIEST
    for number, (before, after) in enumerate(pairwise(told), start=1):
        callbacks += len(before)
        has_end = any(each.stage >= Stage.ENDING for each in before)
        last = before[-1].at if has_end else before[-1].at + LONGEST_CALL
        over = max(over, last)
        begins = after[0].at
        if begins > over:
            gaps.append(_Gap(number, callbacks, begins, begins - over))
    return gaps


def _order(event: CallbackEvent) -> tuple[datetime, int, int, str]:
    return event.order
