"""Build calls from Plivo's own records, fetched after a session's end.

They say how many calls there were, when, what came of them and what they cost; the
callbacks are attached to them for what records lack (plivo-contract 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from masking.core.amounts import money, seconds, whole_number
from masking.core.times import parse_callback_time
from masking.domain import hangup_causes
from masking.domain.callback_event import EARLIEST
from masking.domain.calls import Call

SETTLED = "settled"

Record = Mapping[str, Any]

# So far apart a call's record and its callbacks may be.
APART = timedelta(seconds=5)

LEGS = ("first_party", "second_party")

# Plivo's words for the end of a leg that was answered, and of one that was not.
ANSWERED = frozenset({"completed", "answered", "in-progress"})
UNANSWERED: Mapping[str, str] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "timeout": "no_answer",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "failed": "failed",
}


def settle(calls: Sequence[Call], interactions: Sequence[Record]) -> list[Call]:
    """Return the calls of *interactions*, each with the callbacks that fit it.

    A call of callbacks that Plivo has no record of is part of the record that it lies
    nearest to, if that is near; else its callbacks belong to no call.
    """
    records = sorted(interactions, key=_begun)
    told = _matched(calls, records)
    return [
        _settled(number, record, told[number - 1])
        for number, record in enumerate(records, start=1)
    ]


def _begun(record: Record) -> datetime:
    return _time(record.get("start_time")) or EARLIEST


def _matched(calls: Sequence[Call], records: Sequence[Record]) -> list[list[Call]]:
    """Return, for each record, the calls of callbacks that it is the record of."""
    found: list[list[Call]] = [[] for _ in records]
    if len(calls) == len(records):
        return [[call] for call in calls]
    for call in calls:
        begun = call.started_at or call.ended_at
        if begun is None:
            continue
        fits = [
            number
            for number, record in enumerate(records)
            if _begun(record) - APART <= begun <= _end_of(record) + APART
        ]
        if fits:
            found[fits[-1]].append(call)
    return found


def _settled(ordinal: int, record: Record, told: Sequence[Call]) -> Call:
    """Return the call of a record; *told* is what callbacks say of it."""
    base = told[0] if told else _nothing(ordinal)
    caller, callee = (record.get(f"{leg}_leg") or {} for leg in LEGS)
    answered = _answered_at(record)
    connected = _connected(record)
    if connected and answered is None:
        answered = base.answered_at
    ended = _end_of(record) if _end_of(record) > EARLIEST else base.ended_at
    cause = _cause(caller, callee)
    code = whole_number(cause.get("hangup_cause_code"))
    return replace(
        base,
        ordinal=ordinal,
        certainty=SETTLED,
        outcome=_outcome(record, base, code, connected=connected),
        started_at=_time(record.get("start_time")) or base.started_at,
        answered_at=answered if connected else None,
        ended_at=ended,
        is_over=True,
        talk_seconds=_talked(answered, ended, callee, base) if connected else 0,
        hangup_cause=cause.get("hangup_cause") or base.hangup_cause,
        hangup_code=base.hangup_code if code is None else code,
        billed_seconds=whole_number(record.get("call_billed_duration")) or 0,
        amount=money(record.get("total_call_amount") or "0"),
        recordings=tuple(dict.fromkeys(r for each in told for r in each.recordings)),
        digests=tuple(digest for each in told for digest in each.digests),
    )


def _connected(record: Record) -> bool | None:
    """Return whether both legs were answered; None if the record does not say."""
    legs = [record.get(f"{leg}_leg") or {} for leg in LEGS]
    words = [str(record.get(f"{leg}_status") or "").lower() for leg in LEGS]
    if words[1] in UNANSWERED or words[0] in UNANSWERED:
        return False
    if all(leg.get("answer_time") for leg in legs):
        return True
    if all(word in ANSWERED for word in words):
        return True
    if record.get("recording_resource_url"):
        return True
    if legs[1].get("duration") or legs[1].get("billed_duration"):
        return True
    exists = legs[1] or words[1] or record.get("second_party_resource_url")
    if not exists or (legs[1] and not legs[1].get("answer_time")):
        return False
    return None


def _outcome(
    record: Record, told: Call, code: int | None, *, connected: bool | None
) -> str:
    if connected:
        return "connected"
    if connected is None:
        return told.outcome if told.outcome in KNOWN else "unknown"
    dialed = record.get("second_party_leg") or record.get("second_party_resource_url")
    if told.pin and told.pin.outcome == "failed" and not dialed:
        return "pin_failed"
    words = [str(record.get(f"{leg}_status") or "").lower() for leg in LEGS]
    if words[1] in UNANSWERED:
        return UNANSWERED[words[1]]
    if not hangup_causes.is_by_person(code):
        return hangup_causes.outcome_of(code)
    if words[0] in UNANSWERED:
        return UNANSWERED[words[0]]
    return "cancelled"


# Outcomes of a call that is over, as callbacks tell them.
KNOWN = frozenset(
    {"connected", "pin_failed", *hangup_causes.OUTCOMES.values(), "failed"}
)


def _cause(caller: Record, callee: Record) -> Record:
    """Return the leg that explains why the call ended."""
    for leg in (callee, caller):
        code = whole_number(leg.get("hangup_cause_code"))
        if code is not None and not hangup_causes.is_by_person(code):
            return leg
    return callee if callee.get("hangup_cause_code") is not None else caller


def _answered_at(record: Record) -> datetime | None:
    """Return when the last leg was answered."""
    times = [_time((record.get(f"{leg}_leg") or {}).get("answer_time")) for leg in LEGS]
    known = [at for at in times if at]
    return max(known) if len(known) == len(LEGS) else None


def _talked(
    answered: datetime | None, ended: datetime | None, callee: Record, told: Call
) -> int | None:
    if callee.get("duration"):
        return seconds(callee["duration"])
    if answered and ended:
        return max(0, int((ended - answered).total_seconds()))
    return told.talk_seconds


def _end_of(record: Record) -> datetime:
    """Return when a call ended: as told, else by its legs, else its beginning."""
    legs = [record.get(f"{leg}_leg") or {} for leg in LEGS]
    ended = _time(record.get("end_time"))
    if ended:
        return ended
    times = [at for leg in legs if (at := _time(leg.get("end_time")))]
    return max(times, default=_begun(record))


def _time(value: object) -> datetime | None:
    return parse_callback_time(value) if isinstance(value, str) else None


def _nothing(ordinal: int) -> Call:
    """Return a call of which no callback came."""
    return Call(
        ordinal=ordinal,
        certainty=SETTLED,
        caller=None,
        callee=None,
        outcome="unknown",
        started_at=None,
        ringing_at=None,
        answered_at=None,
        ended_at=None,
        ring_seconds=None,
        talk_seconds=None,
        pin=None,
        hung_up_by=None,
        hangup_cause=None,
        hangup_code=None,
        billed_seconds=None,
        amount=None,
        recordings=(),
        digests=(),
    )
