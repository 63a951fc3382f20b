"""What an app was told of a call that ended: `call.ended` once, then corrections.

A call has no id at Plivo, and its callbacks may come for as long as they like. So what
was told is kept, and calls are known again: each told one is at most one call, and a
call at most one that was told. The callback that it was told for says which, else time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from masking.core.amounts import money_text
from masking.core.times import rfc3339
from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import SETTLED, Call, no_call
from masking.domain.plivo_events import Stage
from masking.domain.sessions import NAMESPACE

if TYPE_CHECKING:
    from masking.domain.timeline import Timeline

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
    call: Call
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


def has_begun(call: Call, history: Sequence[CallbackEvent]) -> bool:
    """Return whether a callback tells of a call's beginning, and not of its end alone.

    Ends alone may be another call's: what they are is known once Plivo's records are.
    """
    return call.certainty == SETTLED or any(
        each.digest in call.digests and each.stage < Stage.ENDING for each in history
    )


def news_of_callback(
    call: Call,
    timeline: Timeline,
    session_uuid: str,
    known: Iterable[ToldCall],
    cause: str,
) -> News | None:
    """Return what is to be sent of a call that is over; None if all of it was told.

    *call* is one of *timeline*; *known* are those that were told, as far as they lie
    within `APART` of it. *cause* is the callback's digest.
    """
    if not call.is_over:
        return None
    if timeline.is_cut:
        # What was told for a callback that was left out was another call.
        read = {each.digest for each in timeline.history}
        known = [each for each in known if each.first_cause in read]
    told = _paired(timeline.calls, known)
    return _news(call, told.get(call.ordinal), session_uuid, cause)


def news_of_settlement(
    calls: Sequence[Call], session_uuid: str, known: Sequence[ToldCall], cause: str
) -> list[News]:
    """Return what is to be sent once Plivo's records say which calls there were.

    *calls* and *known* are all of the session's; *cause* names the settlement. What was
    told of a call that Plivo has no record of is corrected as well: it was none.
    """
    told = _paired(calls, known)
    found = [
        _news(call, told.get(call.ordinal), session_uuid, cause)
        for call in calls
        if call.certainty == SETTLED
    ]
    paired = {each.call_id for each in told.values()}
    for each in known:
        if each.call_id not in paired:
            found.append(_news(no_call(), each, session_uuid, cause))
    return [each for each in found if each]


def _news(
    call: Call, before: ToldCall | None, session_uuid: str, cause: str
) -> News | None:
    told = told_of(call)
    if before:
        if before.told != told:
            turn = before.turn + 1
            after = replace(before, told=told, cause=cause, turn=turn)
            return News(CORRECTED, call, after, before)
        if before.cause != cause:
            return None
        return News(CORRECTED if before.turn else ENDED, call, before, before)
    span = call.span
    if span is None:
        return None
    name = f"{session_uuid}/call/{cause}/{rfc3339(span[0])}"
    # A callback is of one call; a settlement tells of many, which are all known then.
    turn = call.ordinal if call.certainty == SETTLED else 1
    call_id = str(uuid.uuid5(NAMESPACE, f"{name}/{turn}"))
    return News(ENDED, call, ToldCall(call_id, span[1], span[0], cause, cause, told))


def _paired(calls: Sequence[Call], known: Iterable[ToldCall]) -> dict[int, ToldCall]:
    """Return what was told of each call before, by the call's ordinal.

    The callback that a call was told for is of that call. Of what remains the nearest
    in time are paired first.
    """
    left = {each.call_id: each for each in known}
    home = {digest: call for call in calls for digest in call.digests}
    named = [
        (_distance(home[each.first_cause], each), each.call_id)
        for each in left.values()
        if each.first_cause in home
    ]
    found: dict[int, ToldCall] = {}
    for _, call_id in sorted(named):
        ordinal = home[left[call_id].first_cause].ordinal
        if ordinal not in found:
            found[ordinal] = left.pop(call_id)
    near = [
        (_distance(call, each), each.told != told_of(call), call.ordinal, each.call_id)
        for call in calls
        if call.is_over and call.ordinal not in found
        for each in left.values()
        if _is_near(call, each)
    ]
    for _, _, ordinal, call_id in sorted(near):
        if ordinal not in found and call_id in left:
            found[ordinal] = left.pop(call_id)
    return found


def _distance(call: Call, told: ToldCall) -> float:
    """Return by how many seconds the times of a call differ from those of one told."""
    span = call.span
    if span is None:
        return float("inf")
    return sum(
        abs((one - other).total_seconds())
        for one, other in zip(span, (told.began, told.ended), strict=True)
    )


def _is_near(call: Call, told: ToldCall) -> bool:
    span = call.span
    return span is not None and (
        told.began - APART <= span[1] and span[0] <= told.ended + APART
    )
