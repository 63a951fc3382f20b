"""Make the calls, let what is missing be fetched, and judge."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from masking.domain.recordings import Recording, Status
from masking.domain.transitions import SETTLE_AFTER
from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import ReconcileSessions
from masking.plivo.client import Carrier
from plivo_simulator import account
from proofs.chaos_recordings.calls import (
    STORE_WAIT,
    Caller,
    ChaosError,
    Pair,
    wait_for,
)
from proofs.chaos_recordings.plan import KINDS, LARGE, Plan
from proofs.chaos_recordings.verdict import LEAST_FIRED, Evidence, Verdict, judge
from proofs.chaos_recordings.witness import Witness
from stack.running import RunningStack

# A recording that never comes is given up after this many seconds instead of 7200.
PARAMETERS = {"RecordingRetrySeconds": "26"}

Say = Callable[[str], None]


def run(
    stack: RunningStack,
    calls: int,
    *,
    mebibytes: int = 250,
    ahead: bool = False,
    say: Say = lambda _: None,
) -> tuple[Verdict, Mapping[str, int]]:
    """Make so many calls and return the verdict, and how often each fault fired.

    *ahead* asks Plivo for what is missing in this process, by a clock that runs
    ahead, instead of waiting for the time when the function does it.
    Raises ChaosError if the run itself goes wrong.
    """
    plan = Plan(calls)
    witness = Witness(stack)
    caller = Caller(stack, say, mebibytes)
    try:
        silent = caller.play(plan)
        ended_at = time.monotonic()
        removed = _compare_large(caller, plan, witness)
        _let_fetch(caller, silent, ended_at, ahead=ahead)
        names = [pair.session_uuid for pair in caller.pairs]
        try:
            kept = wait_for(
                "every recording to be stored or failed",
                lambda: _settled(caller, witness, names, removed),
                STORE_WAIT,
            )
        except ChaosError as error:
            raise ChaosError(f"{error}: {_unsettled(witness, names)}") from None
        say("every recording is stored, failed or deleted")
        return _judge(caller, witness, plan, kept, removed)
    finally:
        caller.close()


def _compare_large(caller: Caller, plan: Plan, witness: Witness) -> frozenset[str]:
    """Compare each large file as soon as it is stored, then delete it again."""
    removed = set()
    session_uuid = caller.pairs[-1].session_uuid
    for recording_id in caller.play_large(plan):
        known = wait_for(
            "a large recording to be stored",
            lambda name=recording_id: _stored(witness, session_uuid, name),  # type: ignore[misc]
            STORE_WAIT,
        )
        truth = {each["recording_id"]: each for each in caller.recordings(truth=True)}
        file = truth[recording_id]
        found = witness.digest(str(known.key))
        if found != (file["bytes"], file["sha256"]):
            raise ChaosError(f"the large recording {recording_id} is another file")
        answer = caller.api.delete(f"/v1/recordings/{recording_id}")
        if answer.status_code != 200:
            raise ChaosError(f"deleting a recording answered {answer.text}")
        removed.add(recording_id)
        caller.say(f"a file of {found[0]:,} bytes was stored, compared and deleted")
    return frozenset(removed)


def _stored(witness: Witness, session_uuid: str, name: str) -> Recording | None:
    found = witness.stores.recordings.get(session_uuid, name)
    return found if found and found.status is Status.STORED else None


def _let_fetch(
    caller: Caller, silent: list[Pair], ended_at: float, *, ahead: bool
) -> None:
    """Have Plivo asked for the recordings of sessions whose webhooks were lost.

    The single webhooks that were dropped are found when the other sessions end.
    """
    others = [pair for pair in caller.pairs if pair not in silent]
    caller.end(others)
    rest = SETTLE_AFTER.total_seconds() + 5
    if ahead:
        reconciler = _ahead(caller.stack, timedelta(seconds=rest + 60))
        outcomes = _go_round(reconciler)
    else:
        caller.say(f"waiting {rest:.0f} s: until the sessions are settled")
        time.sleep(rest)
        name = caller.stack.function_names()["reconcile_sessions"]
        answer = caller.stack.aws.client("lambda").invoke(FunctionName=name)
        outcomes = json.loads(answer["Payload"].read())
    caller.say(f"the reconciler: {outcomes}, {time.monotonic() - ended_at:.0f} s later")
    # Its rule may have fired by itself meanwhile: what counts is what the table says.
    table = Witness.table_of(caller.stack)
    left = [
        pair
        for pair in caller.pairs
        if stores.sessions.snapshot(pair.session_uuid) is None
    ]
    if left:
        raise ChaosError(f"the reconciler did not see {len(left)} sessions: {outcomes}")


def _ahead(stack: RunningStack, by: timedelta) -> Reconciler:
    """Build the reconciler as its function does, with a clock of ours."""
    secrets = stack.aws.client("secretsmanager")
    root = secrets.get_secret_value(SecretId=stack.outputs["SigningSecretArn"])
    return Reconciler(
        Witness.table_of(stack),
        Carrier(
            auth_id=account.AUTH_ID,
            auth_token=account.AUTH_TOKEN,
            base_url=stack.addresses.plivo_url,
        ),
        hmac.digest(root["SecretString"].encode(), b"callbacks", "sha256"),
        lambda: datetime.now(UTC) + by,
    )


def _go_round(reconciler: Reconciler) -> dict[str, int]:
    tally = ReconcileSessions(
        reconciler.stores, reconciler, reconciler.now, lambda: True
    ).run()
    return dict(tally.outcomes)


def _settled(
    caller: Caller, witness: Witness, sessions: list[str], removed: frozenset[str]
) -> dict[str, Recording] | None:
    """Return the items once every file has one and each has come to its end."""
    if caller.is_telling():
        return None
    witness.hear()
    kept = witness.kept(sessions)
    ends = (Status.STORED, Status.FAILED, Status.DELETED)
    files = {each["recording_id"] for each in caller.recordings()}
    if files - kept.keys() or any(each.status not in ends for each in kept.values()):
        return None
    if witness.is_behind(kept, files):
        return None
    return {name: each for name, each in kept.items() if name not in removed}


def _unsettled(witness: Witness, sessions: list[str]) -> str:
    """Say which recordings are still on their way, and what the table has of them."""
    ends = (Status.STORED, Status.FAILED, Status.DELETED)
    found = [
        f"{each.recording_uuid} {each.status}, lease until {each.lease_until}"
        for each in witness.kept(sessions).values()
        if each.status not in ends
    ]
    return "; ".join(found) or "none; its events or alarms are missing"


def _judge(
    caller: Caller,
    witness: Witness,
    plan: Plan,
    kept: dict[str, Recording],
    removed: frozenset[str],
) -> tuple[Verdict, Mapping[str, int]]:
    files = {each["recording_id"]: each for each in caller.recordings(truth=True)}
    kinds = (*KINDS, LARGE)
    fired = {name: count for name, count in caller.fired().items() if name in kinds}
    evidence = Evidence(
        files={name: f for name, f in files.items() if name not in removed},
        kept=kept,
        objects=witness.objects(),
        digests={
            each.key: witness.digest(each.key) for each in kept.values() if each.key
        },
        events=witness.events,
        dead_letters=witness.dead_letters(),
        alarms=witness.alarms,
        fired=fired,
        removed=removed,
    )
    least = min(LEAST_FIRED, max(1, plan.calls // 30))
    return judge(evidence, kinds, least), fired
