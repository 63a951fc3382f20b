"""Run a masked call step by step: each step follows from the reply to the last.

Pure: each flow is a generator. It yields a step; whoever drives it (the simulator's
engine, a test, something else one day) carries the step out and sends back how it
went. Steps that take time (`Play`, `Gather`, `Pause`, `Ring`, `Talk`) are answered
with what ended them, or None when they simply ended; `Record` with whether it
started; the others with None. The flow returns the call's outcome.
Rows C1 to C16 of the decision table in `plivo_simulator.rules`.
"""

from __future__ import annotations

from .model import (
    BUSY,
    CANCELLED,
    INVALID_DESTINATION,
    NORMAL,
    REJECTED,
    TIME_LIMIT,
    Cause,
    Leg,
    Party,
    Session,
)
from .routing import AskPin, Connect, Decision, HandOver, PlayUnknown, Refuse, admit
from .routing import call_out as route_out
from .steps import (
    Answer,
    Cut,
    Flow,
    Gather,
    Gone,
    HangUp,
    Moment,
    Outcome,
    Pause,
    Play,
    Pressed,
    Record,
    Reply,
    Report,
    Ring,
    Talk,
    Unanswered,
)

PIN_ENTRY_SECONDS = 5

_ENDED = {Leg.CALLER: Moment.FIRST_ENDED, Leg.CALLEE: Moment.SECOND_ENDED}
_UNANSWERED = {BUSY: Outcome.BUSY, REJECTED: Outcome.REJECTED}


def inbound(decision: Decision) -> Flow:
    """Run the call of somebody who dialed the virtual number."""
    if isinstance(decision, HandOver):
        return Outcome.HANDED_OVER
    if isinstance(decision, Refuse):
        yield HangUp(Leg.CALLER, REJECTED)
        return Outcome.REFUSED
    yield Answer()
    if isinstance(decision, PlayUnknown):
        yield Play(Leg.CALLER, decision.session.terms.unknown_caller_play)
        yield HangUp(Leg.CALLER, NORMAL)
        return Outcome.UNKNOWN_CALLER_PLAYED
    if isinstance(decision, AskPin):
        return (yield from _ask_pin(decision))
    if decision.session.terms.is_pin_authentication_required:
        yield Report(Moment.PIN_CHECKED, decision, "AuthorizedCaller")
    return (yield from _answered(decision))


def outbound(session: Session) -> Flow:
    """Run the call that a session starts by itself (request-a-call)."""
    route = route_out(session)
    yield Report(Moment.FIRST_INITIATED, route)
    yield Report(Moment.FIRST_RINGING, route)
    terms = session.terms
    reply = yield Ring(
        Leg.CALLER, session.first_party, session.virtual_number, terms.ring_timeout
    )
    if (cause := _why_not_up(reply)) is not None:
        causes = {Leg.CALLER: cause}
        return (yield from _finish(route, Leg.CALLER, causes, _outcome(cause)))
    yield Report(Moment.FIRST_ANSWERED, route)
    return (yield from _to_other(route))


def _ask_pin(question: AskPin) -> Flow:
    terms = question.session.terms
    stranger = Connect(question.session, _nominal_party(question), "", registered=False)
    for retry in range(terms.pin_retry + 1):
        if retry:
            reply = yield Pause(terms.pin_retry_wait)
            if isinstance(reply, Gone | Cut):
                return (yield from _hung_up_early(stranger, reply))
        reply = yield Play(Leg.CALLER, terms.pin_prompt_play, keys=True)
        if not isinstance(reply, Pressed | Gone | Cut):
            reply = yield Gather(PIN_ENTRY_SECONDS)
        if isinstance(reply, Gone | Cut):
            return (yield from _hung_up_early(stranger, reply))
        digits = reply.digits if isinstance(reply, Pressed) else ""
        if route := admit(digits, question):
            yield Report(Moment.PIN_CHECKED, route, "success", retry)
            return (yield from _answered(route))
        if terms.incorrect_pin_play:
            reply = yield Play(Leg.CALLER, terms.incorrect_pin_play)
            if isinstance(reply, Gone | Cut):
                return (yield from _hung_up_early(stranger, reply))
    yield Report(Moment.PIN_CHECKED, stranger, "failed", terms.pin_retry)
    causes = {Leg.CALLER: NORMAL}
    return (yield from _finish(stranger, Leg.CALLER, causes, Outcome.PIN_FAILED))


def _nominal_party(question: AskPin) -> Party:
    return question.party or Party.FIRST


def _hung_up_early(route: Connect, reply: Gone | Cut) -> Flow:
    cause = reply.cause if isinstance(reply, Cut) else NORMAL
    causes = {Leg.CALLER: cause}
    return (yield from _finish(route, Leg.CALLER, causes, Outcome.CANCELLED))


def _answered(route: Connect) -> Flow:
    yield Report(Moment.NUMBER_ANSWERED, route)
    yield Report(Moment.FIRST_ANSWERED, route)
    return (yield from _to_other(route))


def _to_other(route: Connect) -> Flow:
    session = route.session
    if url := session.terms.play_url(route.party):
        reply = yield Play(Leg.CALLER, url)
        if isinstance(reply, Gone | Cut):
            return (yield from _hung_up_early(route, reply))
    if not route.other:
        causes = {Leg.CALLER: INVALID_DESTINATION}
        ending = _finish(route, Leg.CALLER, causes, Outcome.NO_COUNTERPART)
        return (yield from ending)
    yield Report(Moment.SECOND_INITIATED, route)
    yield Report(Moment.SECOND_RINGING, route)
    reply = yield Ring(
        Leg.CALLEE, route.other, session.virtual_number, session.terms.ring_timeout
    )
    if isinstance(reply, Gone | Cut):
        cause = reply.cause if isinstance(reply, Cut) else NORMAL
        causes = {Leg.CALLER: cause, Leg.CALLEE: CANCELLED}
        return (yield from _finish(route, Leg.CALLER, causes, Outcome.CANCELLED))
    if (unanswered := _why_not_up(reply)) is not None:
        causes = {Leg.CALLEE: unanswered, Leg.CALLER: NORMAL}
        outcome = _outcome(unanswered)
        return (yield from _finish(route, Leg.CALLEE, causes, outcome))
    yield Report(Moment.SECOND_ANSWERED, route)
    return (yield from _connected(route))


def _connected(route: Connect) -> Flow:
    session = route.session
    reply: Reply = None
    recording = False
    if url := session.terms.play_url(route.party.other):
        reply = yield Play(Leg.CALLEE, url)
    if not isinstance(reply, Gone | Cut):
        if session.terms.record:
            recording = bool((yield Record()))
            moment = Moment.RECORDING_STARTED if recording else Moment.RECORDING_FAILED
            yield Report(moment, route)
        reply = yield Talk(session.terms.call_time_limit)
    cause = reply.cause if isinstance(reply, Cut) else NORMAL
    first_out = reply.leg if isinstance(reply, Gone) else Leg.CALLER
    outcome = Outcome.TIME_LIMIT if cause == TIME_LIMIT else Outcome.CONNECTED
    causes = dict.fromkeys(Leg, cause)
    return (yield from _finish(route, first_out, causes, outcome, recording=recording))


def _finish(
    route: Connect,
    first_out: Leg,
    causes: dict[Leg, Cause],
    outcome: Outcome,
    *,
    recording: bool = False,
) -> Flow:
    for leg in (first_out, first_out.other):
        if leg in causes:
            yield HangUp(leg, causes[leg])
    for leg in (first_out, first_out.other):
        if leg in causes:
            yield Report(_ENDED[leg], route)
    if recording:
        yield Report(Moment.RECORDING_COMPLETED, route)
    yield Report(Moment.CALL_ENDED, route)
    return outcome


def _why_not_up(reply: Reply) -> Cause | None:
    if isinstance(reply, Unanswered | Cut):
        return reply.cause
    return NORMAL if isinstance(reply, Gone) else None


def _outcome(cause: Cause) -> Outcome:
    if cause in _UNANSWERED:
        return _UNANSWERED[cause]
    return Outcome.NO_ANSWER if cause.code in (3000, 6010) else Outcome.FAILED
