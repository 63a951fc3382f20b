"""Make the calls, end and settle their sessions, and compare what was told of them."""

from __future__ import annotations

from datetime import timedelta

from masking.domain.transitions import SETTLE_AFTER
from masking.lifecycle.settlement import APART
from proofs.calls_chaos.checks import LEAST_STRUCK, Evidence, check_all
from proofs.calls_chaos.make import LIMITS, Caller
from proofs.calls_chaos.observer import Observer
from proofs.calls_chaos.plan import FAULTS, plans
from proofs.harness import await_stream, reconcile_ahead
from proofs.http_listener import HttpListener
from proofs.report import Report
from proofs.runner import Progress, ProofError, wait_for
from stack.running import RunningStack

# No pair of the plan's; the session is never called.
LAST_PAIR = {
    "first_party": "+447700999998",
    "second_party": "+447700999999",
    "session_expiry": LIMITS["session_expiry"],
}

# The simulator has no rate limit, and the proof's clock waits for nobody.
REQUESTS_PER_SECOND = "1000"

MARGIN = timedelta(minutes=1)

# A session is settled after two fetches that agree, and never fetched more often.
MOST_FETCHES = 8

# Longer than the delay of the queue of checks.
EVENTS_SECONDS = 400.0

# The calls of a run for each time that every kind of fault must have struck.
CALLS_PER_STRIKE = 50


def prove(
    stack: RunningStack,
    progress: Progress,
    *,
    calls: int,
    check_seconds: int | None = None,
) -> Report:
    """Make so many calls and report how each was told.

    *check_seconds* is how long the queue of checks holds a message back: 75 s if it
    is not given. Raise ProofError if the run itself goes wrong.
    """
    with HttpListener() as app:
        observer = Observer(stack, app)
        if check_seconds is not None:
            observer.hasten_checks(check_seconds)
        caller = Caller(stack, app.url, progress)
        try:
            caller.make_calls(list(plans(calls)))
            await_stream(caller.api, LAST_PAIR)
            progress("every callback has been kept and published")
            caller.end_sessions()
            await_stream(caller.api, LAST_PAIR)
            ahead = _settle(caller, SETTLE_AFTER + MARGIN)
            late = caller.let_late_in()
            progress(f"{late} callbacks came after the settlement")
            await_stream(caller.api, LAST_PAIR)
            _settle(caller, ahead)
            await_stream(caller.api, LAST_PAIR)
            wait_for(
                "events to come to the app",
                lambda: not (observer.has_checks_left() or observer.is_behind()),
                EVENTS_SECONDS,
            )
            return _report(caller, observer, calls)
        finally:
            caller.close()


def _settle(caller: Caller, ahead: timedelta) -> timedelta:
    """Settle every session by a clock that runs *ahead*, and further with each fetch.

    Return how far ahead the next settlement may begin.
    """
    for _ in range(MOST_FETCHES):
        outcomes = reconcile_ahead(
            caller.stack, ahead, CarrierRequestsPerSecond=REQUESTS_PER_SECOND
        )
        caller.progress(f"reconciliation {ahead} ahead: {outcomes}")
        ahead += APART + MARGIN
        if caller.are_settled():
            return ahead
    raise ProofError(f"not every session is settled: {outcomes}")


def _report(caller: Caller, observer: Observer, calls: int) -> Report:
    evidence = Evidence(
        true=caller.true_calls(),
        told=caller.told(),
        acknowledged=caller.sent("delivered"),
        sent=caller.sent("delivered", "failed"),
        kept=caller.kept(),
        bus={name: list(ids.values()) for name, ids in observer.bus.items()},
        webhooks={name: list(ids.values()) for name, ids in observer.webhooks.items()},
        struck=caller.struck(),
        silent=caller.silent,
    )
    least = min(LEAST_STRUCK, calls // CALLS_PER_STRIKE)
    return check_all(evidence, list(FAULTS), least)
