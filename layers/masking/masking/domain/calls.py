"""Build one call from its callbacks; `split_calls` finds out which those are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from masking.core.amounts import money, whole_number
from masking.domain import hangup_causes, split_calls
from masking.domain.callback_event import EARLIEST, CallbackEvent
from masking.domain.plivo_events import PARTIES_HANGUP, PIN, role_of


@dataclass(frozen=True)
class Pin:
    """The outcome of a PIN prompt: `success`, `failed` or `authorized`; its tries."""

    outcome: str
    tries: int


@dataclass(frozen=True)
class Call:
    """One conversation, as far as callbacks show. Times are aware UTC, to the second.

    *caller* and *callee* are `first`, `second`, `unknown` or None; *hung_up_by* as
    well, None where nobody did (a time limit, a busy line). *digests* name the
    callbacks that it was made of.
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
    talk_seconds: int
    pin: Pin | None
    hung_up_by: str | None
    hangup_cause: str | None
    hangup_code: int | None
    billed_seconds: int | None
    amount: Decimal | None
    recordings: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Return whether the call has ended."""
        return self.ended_at is not None

    @property
    def hangup_meaning(self) -> str | None:
        """Return the cause in words."""
        return hangup_causes.meaning_of(self.hangup_code)


def call_from(
    ordinal: int,
    chain: Sequence[CallbackEvent],
    parties: Mapping[str, str | None],
    *,
    certainty: str,
    has_end_event: bool,
) -> Call:
    """Build a call from its callbacks, which are in order.

    *has_end_event* says that Plivo's vocabulary has an event for the end of a call.
    """
    caller, callee = _roles(chain, parties)
    answers = [each.at for each in chain if each.is_answer and each.at > EARLIEST]
    answered = max(answers) if len(answers) > 1 else None
    ends = [each for each in chain if each.is_end_of_leg]
    over = split_calls.is_over(chain, has_end_event=has_end_event)
    ended = chain[-1].at if over else None
    last = next((each for each in chain if each.name == PARTIES_HANGUP), None)
    talk_until = ends[0].at if ends else ended
    ringing = _ringing_at(chain)
    ring_until = answered or talk_until
    cause = _cause(last, ends)
    code = whole_number(cause.get("PlivoHangupCauseCode", "")) if cause else None
    pin = _pin(chain)
    talk = _seconds(answered, talk_until)
    return Call(
        ordinal=ordinal,
        certainty=certainty,
        caller=caller,
        callee=callee,
        outcome=_outcome(over, bool(answered), bool(ringing), pin, code),
        started_at=_known(chain[0].at),
        ringing_at=ringing,
        answered_at=answered,
        ended_at=_known(ended),
        ring_seconds=_seconds(ringing, ring_until) if ringing else None,
        talk_seconds=talk or 0,
        pin=pin,
        hung_up_by=_hung_up_by(chain, ends, caller, callee),
        hangup_cause=(cause.get("PlivoHangupCause") or None) if cause else None,
        hangup_code=code,
        billed_seconds=_billed(last, ends),
        amount=_amount(last, ends),
        recordings=_recordings(chain),
        digests=tuple(each.digest for each in chain),
    )


def _roles(
    chain: Sequence[CallbackEvent], parties: Mapping[str, str | None]
) -> tuple[str | None, str | None]:
    """Return who called and who was called; a caller who is no party is `unknown`."""
    found: list[str | None] = []
    for name in ("From", "To"):
        given = (each.attributes.get(name) for each in chain)
        number = next((each for each in given if each), None)
        found.append(role_of(number, parties))
    return found[0], found[1]


def _caller_leg(chain: Sequence[CallbackEvent]) -> str:
    """Return which leg is the caller's: `First` or `Second`.

    Plivo documents neither reading. Who answers first is the caller, unless it is
    the second party and has been rung.
    """
    leg = next((each.leg for each in chain if each.is_answer), "First")
    rung = any(each.name.startswith("SessionSecondPartyRing") for each in chain)
    return "First" if rung else leg


def _hung_up_by(
    chain: Sequence[CallbackEvent],
    ends: Sequence[CallbackEvent],
    caller: str | None,
    callee: str | None,
) -> str | None:
    if not ends:
        return None
    code = whole_number(ends[0].attributes.get("PlivoHangupCauseCode", ""))
    if not hangup_causes.is_by_person(code):
        return None
    return caller if ends[0].leg == _caller_leg(chain) else callee


def _ringing_at(chain: Sequence[CallbackEvent]) -> datetime | None:
    """Return when the party that was called began to ring."""
    rings = [each.at for each in chain if "PartyRing" in each.name]
    return _known(max(rings)) if rings else None


def _cause(
    last: CallbackEvent | None, ends: Sequence[CallbackEvent]
) -> Mapping[str, str] | None:
    """Return the attributes of the hangup that explains why the call ended."""
    if last:
        return last.attributes
    abnormal = (
        each.attributes
        for each in ends
        if not hangup_causes.is_by_person(
            whole_number(each.attributes.get("PlivoHangupCauseCode", ""))
        )
    )
    return next(abnormal, ends[0].attributes if ends else None)


def _outcome(
    over: bool, connected: bool, ringing: bool, pin: Pin | None, code: int | None
) -> str:
    if connected:
        return "connected" if over else "talking"
    if not over:
        return "ringing" if ringing else "started"
    if pin and pin.outcome == "failed":
        return "pin_failed"
    return hangup_causes.outcome_of(code)


def _pin(chain: Sequence[CallbackEvent]) -> Pin | None:
    asked = [each for each in chain if each.name == PIN]
    if not asked:
        return None
    status = asked[-1].attributes.get("PinAuthenticationStatus", "").lower()
    known = {"authorizedcaller": "authorized", "failed": "failed"}
    if status == "authorizedcaller":
        return Pin("authorized", 0)
    counted = [
        whole_number(each.attributes.get("PinRetryCounter", "")) for each in asked
    ]
    retries = max((count for count in counted if count is not None), default=0)
    return Pin(known.get(status, "success"), max(retries + 1, len(asked)))


def _billed(last: CallbackEvent | None, ends: Sequence[CallbackEvent]) -> int | None:
    chosen = [last] if last and last.attributes.get("BilledDuration") else ends
    found = [whole_number(each.attributes.get("BilledDuration", "")) for each in chosen]
    known = [seconds for seconds in found if seconds is not None]
    return sum(known) if known else None


def _amount(
    last: CallbackEvent | None, ends: Sequence[CallbackEvent]
) -> Decimal | None:
    chosen = [last] if last and last.attributes.get("Amount") else ends
    found = [money(each.attributes.get("Amount", "")) for each in chosen]
    known = [amount for amount in found if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _recordings(chain: Sequence[CallbackEvent]) -> tuple[str, ...]:
    named = (each.attributes.get("RecordingUUID", "") for each in chain)
    return tuple(dict.fromkeys(filter(None, named)))


def _known(at: datetime | None) -> datetime | None:
    return at if at and at > EARLIEST else None


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None or EARLIEST in (start, end):
        return None
    return max(0, int((end - start).total_seconds()))
