"""What an app was told of a call that ended: `call.ended` once, then corrections.

A call has no id at Plivo, and its callbacks may come for as long as they like. So what
was told is kept, and a call is known again by the callback that it was told for, else
by its time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from masking.core.amounts import money_text
from masking.core.times import rfc3339
from masking.domain.calls import Call
from masking.domain.sessions import NAMESPACE

ENDED = "call.ended"
CORRECTED = "call.corrected"

# By so much the times of one call may differ between two kinds of evidence.
APART = timedelta(seconds=30)


@dataclass(frozen=True)
class ToldCall:
    """A call of which `call.ended` was sent.

    *told* is what apps account by, as JSON values; *cause* is the callback, or the
    settlement, that the last event was sent for, and *first_cause* the first; *turn*
    counts the corrections. *ended* is aware UTC and never changes.
    """

    call_id: str
    ended: datetime
    began: datetime
    first_cause: str
    cause: str
    told: Mapping[str, Any]
    turn: int = 0


@dataclass(frozen=True)
class News:
    """What is to be sent of a call: the event's type, and what is then told."""

    kind: str
    after: ToldCall
    before: ToldCall | None = None

    @property
    def is_again(self) -> bool:
        """Return whether it was sent before, for the same cause."""
        return self.before == self.after


def told_of(call: Call) -> dict[str, Any]:
    """Return what apps account by: outcome, times, cost."""
    return {
        "outcome": call.outcome,
        "started_at": rfc3339(call.started_at),
        "answered_at": rfc3339(call.answered_at),
        "ended_at": rfc3339(call.ended_at),
        "talk_seconds": call.talk_seconds,
        "billed_seconds": call.billed_seconds,
        "amount": money_text(call.amount),
    }


def span_of(call: Call) -> tuple[datetime, datetime] | None:
    """Return when a call began and ended; None if neither is known."""
    ended = call.ended_at or call.started_at
    return ((call.started_at or ended), ended) if ended else None


def news_of(
    call: Call, session_uuid: str, known: Iterable[ToldCall], cause: str
) -> News | None:
    """Return what is to be sent of a call that is over; None if all of it was told.

    *known* are the calls of the session that were told; *cause* is the callback's
    digest, or names the settlement.
    """
    span = span_of(call)
    if not call.is_over or span is None:
        return None
    before = _same(call, span, known)
    told = told_of(call)
    if before is None:
        name = f"{session_uuid}/call/{cause}/{rfc3339(span[0])}"
        call_id = str(uuid.uuid5(NAMESPACE, name))
        return News(ENDED, ToldCall(call_id, span[1], span[0], cause, cause, told))
    if before.told == told:
        if before.cause != cause:
            return None
        return News(CORRECTED if before.turn else ENDED, before, before)
    after = replace(before, told=told, cause=cause, turn=before.turn + 1)
    return News(CORRECTED, after, before)


def _same(
    call: Call, span: tuple[datetime, datetime], known: Iterable[ToldCall]
) -> ToldCall | None:
    """Return what was told of this call before."""
    every = list(known)
    for each in every:
        if each.first_cause in call.digests:
            return each
    near = [
        each
        for each in every
        if each.began <= span[1] and span[0] <= each.ended + timedelta(seconds=1)
    ]
    return min(near, key=lambda each: abs(each.ended - span[1]), default=None)
