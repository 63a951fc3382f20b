"""Build one call from its callbacks, as `split_calls` or `gather_calls` found them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from masking.core.amounts import whole_number
from masking.domain import hangup_causes
from masking.domain.call_evidence import Evidence, known
from masking.domain.callback_event import CallbackEvent
from masking.domain.plivo_events import (
    PIN,
    Stage,
    callee_role_of,
    pin_outcome,
    role_of,
)


@dataclass(frozen=True)
class Pin:
    """The outcome of a PIN prompt, and how many tries it took.

    That is `success`, `failed`, `authorized` if no PIN was asked, or `unknown`.
    """

    outcome: str
    tries: int


@dataclass(frozen=True)
class Call:
    """One conversation, as far as callbacks show. Times are aware UTC, to the second.

    *caller* and *callee* are `first`, `second`, `unknown` or None; *hung_up_by* as
    well, None where nobody did (a time limit, a busy line). *digests* name the
    callbacks that it was made of. *talk_seconds* is None if it can't be told; *is_over*
    says that it has ended, even if it is not known when, and *is_dialed* whether Plivo
    has a leg of who was called, None while that is not known. *is_counted* says that
    its ordinal counts from the session's first call.
    """

    ordinal: int
    certainty: str
    caller: str | None
    callee: str | None
    outcome: str
    started_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    ring_seconds: int | None
    talk_seconds: int | None
    pin: Pin | None
    hung_up_by: str | None
    hangup_cause: str | None
    hangup_code: int | None
    billed_seconds: int | None
    amount: Decimal | None
    recordings: tuple[str, ...]
    digests: tuple[str, ...]
    is_over: bool = False
    is_dialed: bool | None = None
    is_counted: bool = True

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """Return when it began and ended, as near as is known; None if neither is."""
        ended = self.ended_at or self.started_at
        return ((self.started_at or ended), ended) if ended else None

    @property
    def hangup_meaning(self) -> str | None:
        """Return the cause in words."""
        return hangup_causes.meaning_of(self.hangup_code)


CERTAIN = "certain"
INFERRED = "inferred"
SETTLED = "settled"

# The outcome of what was told as a call, and of which Plivo has no record.
NOT_A_CALL = "not_a_call"


def call_from(
    ordinal: int,
    facts: Sequence[CallbackEvent],
    parties: Mapping[str, str | None],
    *,
    digests: Sequence[str],
    is_whole: bool,
    is_followed: bool,
) -> Call:
    """Build a call from its facts, which are in order; *digests* are with doubles.

    *is_whole* says that none of its callbacks is missing or in doubt, *is_followed*
    that another call began after it.
    """
    caller, callee = _roles(facts, parties)
    said = Evidence(facts, is_whole=is_whole, by_second=caller not in ("first", None))
    # When one leg has ended nobody talks any more, and nothing goes on without talk.
    over = any(each.stage >= Stage.ENDING for each in facts)
    ended = said.ended_at if over or is_followed else None
    pin = _pin(facts)
    sure = is_whole and said.last is not None and not said.is_contradictory
    ringing = _ringing_at(facts, said)
    answered = said.answered_at
    return Call(
        ordinal=ordinal,
        certainty=CERTAIN if sure else INFERRED,
        caller=caller,
        callee=callee,
        outcome=_outcome(said, pin, over=over or is_followed, ringing=bool(ringing)),
        started_at=known(facts[0].at),
        ringing_at=ringing,
        answered_at=answered,
        ended_at=ended,
        ring_seconds=_seconds(ringing, answered or said.talked_until),
        talk_seconds=said.talk_seconds if over or is_followed else 0,
        pin=pin,
        hung_up_by=_hung_up_by(said, caller, callee),
        hangup_cause=said.cause.attributes.get("PlivoHangupCause") or None
        if said.cause
        else None,
        hangup_code=said.code,
        billed_seconds=said.billed,
        amount=said.amount,
        recordings=_recordings(facts),
        digests=tuple(digests),
        is_over=over or is_followed,
    )


def without_callbacks(ordinal: int) -> Call:
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


def no_call() -> Call:
    """Return what is told in place of a call that there never was: it cost nothing."""
    return replace(
        without_callbacks(0),
        outcome=NOT_A_CALL,
        talk_seconds=0,
        billed_seconds=0,
        amount=Decimal(0),
        is_over=True,
    )


def _roles(
    chain: Sequence[CallbackEvent], parties: Mapping[str, str | None]
) -> tuple[str | None, str | None]:
    """Return who called and who was called; a caller who is no party is `unknown`."""
    found: list[str | None] = []
    for name, read in (("From", role_of), ("To", callee_role_of)):
        told = [each.attributes[name] for each in chain if name in each.attributes]
        found.append(read(max(told, key=bool, default=None), parties))
    return found[0], found[1]


def _hung_up_by(said: Evidence, caller: str | None, callee: str | None) -> str | None:
    if not said.ends or not hangup_causes.is_by_person(said.ends[0].code):
        return None
    return caller if said.ends[0].leg == said.caller_leg else callee


def _ringing_at(facts: Sequence[CallbackEvent], said: Evidence) -> datetime | None:
    """Return when the party that was called began to ring."""
    rings = [each for each in facts if "PartyRing" in each.name]
    theirs = [each for each in rings if each.leg != said.caller_leg]
    return known((theirs or rings)[-1].at) if rings else None


def _outcome(said: Evidence, pin: Pin | None, *, over: bool, ringing: bool) -> str:
    if said.talked:
        return "connected" if over else "talking"
    if not over:
        return "ringing" if ringing else "started"
    if pin and pin.outcome == "failed":
        return "pin_failed"
    outcome = hangup_causes.outcome_of(said.code)
    if outcome == "cancelled" and said.talked is None and not said.is_whole:
        paid = any(each.is_paid for each in said.facts)
        return "unknown" if paid else outcome
    # That somebody hung up is no more than that, unless nobody can have talked.
    unexplained = said.code in (None, hangup_causes.NORMAL)
    return "cancelled" if unexplained and said.talked is False else outcome


def _pin(facts: Sequence[CallbackEvent]) -> Pin | None:
    asked = [each for each in facts if each.name == PIN]
    if not asked:
        return None
    outcomes = [pin_outcome(each.attributes) for each in asked]
    outcome = next((o for o in reversed(outcomes) if o != "unknown"), "unknown")
    if outcome == "authorized":
        return Pin("authorized", 0)
    counted = [
        whole_number(each.attributes.get("PinRetryCounter", "")) for each in asked
    ]
    retries = max((count for count in counted if count is not None), default=0)
    return Pin(outcome, max(retries + 1, len(asked)))


def _recordings(chain: Sequence[CallbackEvent]) -> tuple[str, ...]:
    named = (each.attributes.get("RecordingUUID", "") for each in chain)
    return tuple(dict.fromkeys(filter(None, named)))


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return max(0, int((end - start).total_seconds()))
