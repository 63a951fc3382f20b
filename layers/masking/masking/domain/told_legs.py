"""Take the records of a call's legs from its callbacks, where these tell all of it.

A leg's record at Plivo says when it was answered and ended, what it cost and why it
ended. Its callbacks say the same. Plivo is asked for the record only where they don't:
where one is missing, was told twice or can't be read, or where callbacks and Plivo's
own account of the call differ in anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from masking.core.amounts import money, money_text
from masking.domain import settled_calls
from masking.domain.call_records import ANSWERED, UNANSWERED, CallRecord, Record
from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import Call
from masking.domain.plivo_events import Stage, uuid_in_url
from masking.domain.sessions import PARTIES
from masking.domain.timeline import Timeline

# By so much callbacks and records may differ: both are rounded to the second.
ROUNDED = timedelta(seconds=1)


def calls_told(
    interactions: Sequence[Record], told: Timeline, parties: Mapping[str, str | None]
) -> list[dict[str, Any] | None]:
    """Return each of Plivo's interactions with its legs; None for one to be asked for.

    *told* is what callbacks alone say, *parties* are the numbers of the session's.
    """
    found: list[dict[str, Any] | None] = [None] * len(interactions)
    events = {each.digest: each for each in told.history}
    whole = {call.digests: call for call in told.calls}
    places = sorted(
        range(len(interactions)), key=lambda n: CallRecord(interactions[n]).span
    )
    settled = settled_calls.settle(told.calls, interactions, told.history, parties)
    for place, call in zip(places, settled, strict=True):
        by_callbacks = whole.get(call.digests)
        if by_callbacks and _agree(by_callbacks, call):
            of_call = [events[digest] for digest in call.digests]
            found[place] = _with_legs(interactions[place], by_callbacks, of_call)
    return found


def _agree(told: Call, settled: Call) -> bool:
    """Return whether callbacks say of a call what Plivo's account of it says."""
    return (
        (told.outcome, told.billed_seconds, told.amount)
        == (settled.outcome, settled.billed_seconds, settled.amount)
        and _is_near(told.started_at, settled.started_at)
        and _is_near(told.ended_at, settled.ended_at)
        and (told.answered_at is None) == (told.outcome != "connected")
        and told.hangup_code is not None
    )


def _is_near(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= ROUNDED


def _with_legs(
    interaction: Record, told: Call, of_call: Sequence[CallbackEvent]
) -> dict[str, Any] | None:
    """Put the legs that callbacks tell of into a call; None if they don't tell all."""
    if not all(each.told_at for each in of_call):
        return None
    filled = dict(interaction)
    for party in PARTIES:
        events = list(_events_of(party, of_call))
        url = filled.pop(f"{party}_resource_url", None)
        if url or filled.get(f"{party}_status"):
            leg = _leg(events, url)
            if leg is None:
                return None
            filled[f"{party}_leg"] = leg
        elif events:
            return None
    return filled if _adds_up(filled, told) else None


def _events_of(party: str, events: Sequence[CallbackEvent]) -> Iterator[CallbackEvent]:
    name = party.removesuffix("_party")
    return (each for each in events if each.leg.lower() == name)


def _leg(events: Sequence[CallbackEvent], url: str | None) -> dict[str, Any] | None:
    """Build the record of one leg; None unless its end was told once, and whole."""
    ends = [each for each in events if each.stage is Stage.ENDING]
    answers = [each for each in events if each.is_answer]
    if len(ends) != 1 or len(answers) > 1:
        return None
    [end] = ends
    known = (end.duration, end.billed, end.amount, end.code)
    if None in known or end.has_odd_cost or end.is_paid != bool(answers):
        return None
    if answers and _lasted(answers[0], end) != end.duration:
        return None
    leg = {
        "call_uuid": uuid_in_url(url),
        "duration": end.duration,
        "billed_duration": end.billed,
        "amount": money_text(end.amount),
        "hangup_cause": end.attributes.get("PlivoHangupCause") or None,
        "hangup_cause_code": end.code,
        "answer_time": _text(answers[0].told_at) if answers else None,
        "end_time": _text(end.told_at),
    }
    return {name: value for name, value in leg.items() if value is not None}


def _lasted(answer: CallbackEvent, end: CallbackEvent) -> int:
    return round((end.at - answer.at).total_seconds())


def _adds_up(filled: Record, told: Call) -> bool:
    """Return whether the legs are those of the call: in cost, and in who answered."""
    legs = [filled[f"{party}_leg"] for party in PARTIES if f"{party}_leg" in filled]
    record = CallRecord(filled)
    amount = sum((money(leg["amount"]) or Decimal(0) for leg in legs), Decimal(0))
    return (
        (record.billed, told.amount)
        == (sum(leg["billed_duration"] for leg in legs), amount)
        and bool(record.is_connected) == (told.outcome == "connected")
        and record.answered in (told.answered_at, None)
        and not any(_is_misnamed(leg.status, leg.is_up) for leg in record.legs)
    )


def _is_misnamed(status: str, is_up: bool) -> bool:
    """Return whether Plivo says of a leg that it was answered, or not, and it wasn't.

    Legs may be named after who called in one place and after who is registered in
    another (plivo-contract 2.1, 3.1).
    """
    return (status in UNANSWERED and is_up) or (status in ANSWERED and not is_up)


def _text(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
