"""Make the calls, let the missing recordings be fetched, and check all of them."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

from masking.domain.recordings import Recording, Status
from masking.domain.transitions import SETTLE_AFTER
from proofs.faults import LARGE
from proofs.harness import invoke, reconcile_ahead, services_of
from proofs.recordings.calls import Caller, Session
from proofs.recordings.checks import LEAST_STRUCK, Evidence, check_all
from proofs.recordings.observer import Observer
from proofs.recordings.plan import KINDS, Plan
from proofs.report import Report
from proofs.runner import Progress, ProofError, wait_for
from stack.running import RunningStack

# A recording that never comes is given up after this many seconds instead of 7200.
PARAMETERS = {"RecordingRetrySeconds": "26"}

STORE_WAIT = 300.0

# When a recording is done with.
ENDS = (Status.STORED, Status.FAILED, Status.DELETED)


def prove(
    stack: RunningStack,
    progress: Progress,
    *,
    calls: int,
    mebibytes: int = 250,
    ahead: bool = False,
) -> Report:
    """Make so many calls and report what became of their recordings.

    *ahead* asks Plivo for what is missing in this process, by a clock that runs
    ahead, instead of waiting for the time when the function does it.
    Raise ProofError if the run itself goes wrong.
    """
    plan = Plan(calls)
    observer = Observer(stack)
    caller = Caller(stack, progress, mebibytes)
    try:
        silent = caller.make_calls(plan)
        removed = _compare_large(caller, plan, observer)
        _let_fetch(caller, silent, ahead=ahead)
        uuids = [session.session_uuid for session in caller.sessions]
        try:
            kept = wait_for(
                "every recording to be stored or failed",
                lambda: _ended(caller, observer, uuids, removed),
                STORE_WAIT,
            )
        except ProofError as error:
            raise ProofError(f"{error}: {_not_ended(observer, uuids)}") from None
        progress("every recording is stored, failed or deleted")
        return _report(caller, observer, plan, kept, removed)
    finally:
        caller.close()


def _compare_large(caller: Caller, plan: Plan, observer: Observer) -> frozenset[str]:
    """Compare each large file as soon as it is stored, then delete it again."""
    removed = set()
    session_uuid = caller.sessions[-1].session_uuid

    def stored(name: str) -> Recording | None:
        found = observer.stores.recordings.get(session_uuid, name)
        return found if found and found.status is Status.STORED else None

    for name in caller.make_large_calls(plan):
        known = wait_for(
            "a large recording to be stored", partial(stored, name), STORE_WAIT
        )
        truth = {each["recording_id"]: each for each in caller.recordings(truth=True)}
        file = truth[name]
        found = observer.digest(str(known.key))
        if found != (file["bytes"], file["sha256"]):
            raise ProofError(f"the large recording {name} is another file")
        answer = caller.api.delete(f"/v1/recordings/{name}")
        if answer.status_code != 200:
            raise ProofError(f"deleting a recording answered {answer.text}")
        removed.add(name)
        size = f"{found[0]:,} bytes"
        caller.progress(f"a file of {size} was stored, compared and deleted")
    return frozenset(removed)


def _let_fetch(caller: Caller, silent: list[Session], *, ahead: bool) -> None:
    """Have Plivo asked for the recordings of sessions whose webhooks were lost.

    The single webhooks that were dropped are found when the other sessions end.
    """
    caller.end(each for each in caller.sessions if each not in silent)
    ended_at = time.monotonic()
    rest = SETTLE_AFTER.total_seconds() + 5
    if ahead:
        outcomes = reconcile_ahead(caller.stack, timedelta(seconds=rest + 60))
    else:
        caller.progress(f"waiting {rest:.0f} s: until the sessions are settled")
        time.sleep(rest)
        outcomes = invoke(caller.stack, "reconcile_sessions", {})
    seconds = time.monotonic() - ended_at
    caller.progress(f"reconciliation: {outcomes}, {seconds:.0f} s later")
    # Its rule may have fired by itself meanwhile: what counts is what the table says.
    stores = services_of(caller.stack).stores
    left = [
        each
        for each in caller.sessions
        if stores.snapshots.head(each.session_uuid) is None
    ]
    if left:
        raise ProofError(f"{len(left)} sessions were not reconciled: {outcomes}")


def _ended(
    caller: Caller, observer: Observer, sessions: list[str], removed: frozenset[str]
) -> dict[str, Recording] | None:
    """Return the items once every file has one and each has come to its end."""
    if caller.has_callbacks_left():
        return None
    observer.receive()
    kept = observer.kept(sessions)
    files = {each["recording_id"] for each in caller.recordings()}
    if files - kept.keys() or any(each.status not in ENDS for each in kept.values()):
        return None
    if observer.is_behind(kept, files):
        return None
    return {name: each for name, each in kept.items() if name not in removed}


def _not_ended(observer: Observer, sessions: list[str]) -> str:
    """Return which recordings are still on their way, as the table has them."""
    found = [
        f"{each.recording_uuid} {each.status}, lease until {each.lease_until}"
        for each in observer.kept(sessions).values()
        if each.status not in ENDS
    ]
    return "; ".join(found) or "none; its events or alarms are missing"


def _report(
    caller: Caller,
    observer: Observer,
    plan: Plan,
    kept: dict[str, Recording],
    removed: frozenset[str],
) -> Report:
    files = {each["recording_id"]: each for each in caller.recordings(truth=True)}
    evidence = Evidence(
        files={name: f for name, f in files.items() if name not in removed},
        kept=kept,
        objects=observer.objects(),
        digests={
            each.key: observer.digest(each.key) for each in kept.values() if each.key
        },
        events=observer.events,
        dead_letters=observer.dead_letters(),
        alarms=observer.alarms,
        struck=caller.struck(),
        removed=removed,
    )
    least = min(LEAST_STRUCK, max(1, plan.calls // 30))
    return check_all(evidence, (*KINDS, LARGE), least)
