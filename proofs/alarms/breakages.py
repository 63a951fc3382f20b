"""Each way of breaking the system: what is broken, and which alarms have to ring.

A breakage is a context manager. While it is open, what it yields is called before each
minute that passes; when it closes, what was broken is as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from masking.core.key_space import CALL, part_key, session_key
from masking.core.times import stamp
from plivo_simulator import account
from proofs.alarms.world import NOTHING, World, functions_of
from proofs.creates.fast_forward import end_leases
from proofs.faults import arm
from proofs.harness import get_json, invoke
from proofs.runner import ProofError
from stack.aws.initial_data import TENANT

Act = Callable[[], object]
Broken = Callable[[World], AbstractContextManager[Act]]

# What a stack is deployed with, so that less has to be broken.
PARAMETERS = {
    "RepairsAlarmThreshold": "1",
    "PinGuessingThreshold": "2",
    "RecordingRetrySeconds": "13",
}


@dataclass(frozen=True)
class Breakage:
    """A way to break it: *rings* must ring within *minutes*, *may* follow from it.

    *quick* ones are tried by each run of the tests. What *is_lost* is parked again when
    it is replayed.
    """

    how: str
    broken: Broken
    rings: frozenset[str]
    minutes: int
    may: frozenset[str] = frozenset()
    quick: bool = False
    is_lost: bool = False


BREAKAGES: list[Breakage] = []


def breaks(
    how: str,
    rings: str,
    minutes: int,
    *,
    may: str = "",
    quick: bool = False,
    is_lost: bool = False,
) -> Callable[[Callable[[World], Iterator[Act]]], None]:
    """Add a breakage; *rings* and *may* name alarms without their last word."""

    def add(broken: Callable[[World], Iterator[Act]]) -> None:
        must, also = (frozenset(f"{n}Alarm" for n in s.split()) for s in (rings, may))
        found = Breakage(
            how, contextmanager(broken), must, minutes, also, quick, is_lost
        )
        BREAKAGES.append(found)

    return add


def nothing() -> None:
    """Do nothing in a minute."""


def once(act: Act) -> Act:
    """Return what does *act* in the first minute only."""
    left = [act]
    return lambda: left.pop()() if left else None


# Schedules


@breaks("the rule of the sweep is disabled", "SweepSilent", 10, quick=True)
def _(world: World) -> Iterator[Act]:
    with world.without_rule("ExpireSessionsFunctionEveryMinute"):
        yield nothing


@breaks("the sweep fails", "SweepSilent WorkFunctionErrors", 10)
def _(world: World) -> Iterator[Act]:
    with world.failing("ExpireSessionsFunction"):
        yield nothing


@breaks("the sweep has no time for what is over", "SweepLate", 6, quick=True)
def _(world: World) -> Iterator[Act]:
    session = world.create(session_expiry=3600)
    # It begins nothing in its last five seconds.
    with world.configured("ExpireSessionsFunction", Timeout=4):
        world.make_due(session, timedelta(minutes=20))
        yield nothing
    world.forget(session)


@breaks("the rule of the reconciler is disabled", "ReconcilerSilent", 100)
def _(world: World) -> Iterator[Act]:
    with world.without_rule("ReconcileSessionsFunctionEveryQuarterOfAnHour"):
        yield nothing


@breaks("a session is not settled for more than a day", "DutiesLate", 20, quick=True)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    world.end(session)
    arm(world.simulator, {"get_5xx": {"rate": 1}})
    world.make_due(session, timedelta(hours=26))
    yield nothing
    world.forget(session)


@breaks(
    "the state of a session that is due can't be read",
    "DutyFailed",
    20,
    # Nor can its change be published, nor its ending be checked.
    may="ChangeDeadLetters WorkFunctionErrors",
)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    world.end(session)
    world.make_due(session, timedelta(minutes=20))
    whole = world.state(session)
    world.put({**whole, "reserved_at": "never"})
    yield nothing
    world.forget(session)


# What is counted of Plivo


@breaks("Plivo fails", "CarrierFailure ApiErrors", 3, quick=True)
def _(world: World) -> Iterator[Act]:
    arm(world.simulator, {"create_5xx_before_commit": {"rate": 1}})
    yield once(lambda: [world.try_to_create() for _ in range(6)])


@breaks("Plivo refuses the credentials", "CarrierCredentialsRefused", 3)
def _(world: World) -> Iterator[Act]:
    arm(world.simulator, {"create_401": {"rate": 1}})
    yield once(world.try_to_create)


@breaks("the secret of Plivo is malformed", "CarrierSecretUnreadable", 3)
def _(world: World) -> Iterator[Act]:
    secrets = world.stack.aws.client("secretsmanager")
    secret = world.stack.outputs["CarrierSecretArn"]
    kept = secrets.get_secret_value(SecretId=secret)["SecretString"]
    secrets.put_secret_value(SecretId=secret, SecretString="not JSON")
    # A process that begins anew has no secret from before.
    with world.with_variables("CreateSessionFunction", BEGUN="anew"):
        yield once(world.try_to_create)
        secrets.put_secret_value(SecretId=secret, SecretString=kept)


@breaks("Plivo has no number for a pair", "NumberPoolExhausted", 3, quick=True)
def _(world: World) -> Iterator[Act]:
    arm(world.simulator, {"create_pool_exhausted": {"rate": 1}})
    # Of a country whose reserved numbers pass for numbers in use.
    pair = {"first_party": "+12025550142", "second_party": "+12025550143"}
    yield once(partial(world.try_to_create, **pair))


@breaks("Plivo does not confirm endings, which are finished later", "Repairs", 4)
def _(world: World) -> Iterator[Act]:
    sessions = [world.create() for _ in range(3)]
    arm(world.simulator, {"delete_5xx_before_commit": {"rate": 1}})
    for session in sessions:
        world.end(session)
    arm(world.simulator, {})
    yield once(lambda: end_leases(world.stack))
    # What others left in doubt is repaired now, and not in the next breakage.
    invoke(world.stack, "reconcile_sessions", {})


def _recorded(world: World) -> dict[str, object]:
    """Return a session that is over and whose recording nobody told us of."""
    session = world.create(record=True, record_file_format="wav")
    arm(world.simulator, {"webhook_dropped": {"rate": 1}})
    world.call(session)
    arm(world.simulator, {})
    world.end(session)
    world.make_due(session, timedelta(minutes=1))
    return session


@breaks("callbacks about recordings do not come", "RecordingsFetched", 3)
def _(world: World) -> Iterator[Act]:
    sessions = [_recorded(world) for _ in range(2)]
    yield once(lambda: invoke(world.stack, "reconcile_sessions", {}))
    for session in sessions:
        world.forget(session)


@breaks("Plivo deletes a recording before it is fetched", "RecordingGone", 3)
def _(world: World) -> Iterator[Act]:
    session = _recorded(world)
    path = f"/v1/Account/{account.AUTH_ID}/Recording"
    newest = get_json(world.simulator, "/_sim/recordings")["recordings"][-1]
    httpx.delete(
        f"{world.stack.addresses.plivo_url}{path}/{newest['recording_id']}/",
        auth=(account.AUTH_ID, account.AUTH_TOKEN),
        trust_env=False,
    ).raise_for_status()
    yield once(lambda: invoke(world.stack, "reconcile_sessions", {}))
    world.forget(session)


# Callbacks and calls


@breaks("Plivo does not sign its callbacks", "WebhookUnsigned", 3, quick=True)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    yield once(lambda: world.callback(session, b"EventName=SessionRinging"))


@breaks("the auth token that Plivo signs with is not ours", "WebhookRefused", 6)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    wrong = {
        "x-plivo-signature-v3": "d3Jvbmc=",
        "x-plivo-signature-v3-nonce": "05429567804466091622",
    }
    yield lambda: world.callback(session, b"EventName=SessionRinging", **wrong)


@breaks("callbacks are larger than any that we know", "CallbackUnreadable", 3)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    yield once(lambda: world.callback(session, b"Text=" + b"x" * 20_000))


@breaks("somebody tries out PINs", "PinGuessing", 4)
def _(world: World) -> Iterator[Act]:
    session = world.create(
        is_pin_authentication_required=True,
        first_party_pin="7305",
        second_party_pin="9182",
        pin_prompt_play="https://app.example.com/prompt.wav",
    )

    def guess() -> None:
        for digits in (["1111", "2222"], ["3333", "4444"]):
            world.call(session, "+12025550163", digits=digits)

    yield once(guess)


@breaks("what was told of a call is spoilt", "ToldCallUnreadable", 4)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    world.put(
        {
            "pk": session_key(session["session_uuid"]),
            "sk": part_key(CALL, f"{stamp(datetime.now(UTC))}#a-call"),
            "began": "never",
        }
    )
    yield once(lambda: world.call(session))


@breaks("the answer URL does not answer Plivo", "AnswerFallback", 3, quick=True)
def _(world: World) -> Iterator[Act]:
    yield once(lambda: world.ask_for_answer("/v1/plivo/answer/fallback", To="1"))


@breaks(
    "the secret of Plivo can't be read when a caller is answered", "AnswerFailed", 3
)
def _(world: World) -> Iterator[Act]:
    with world.with_variables("AnswerCallFunction", CARRIER_SECRET_ARN=NOTHING):
        yield once(lambda: world.ask_for_answer("/v1/plivo/answer", CallUUID="a"))


@breaks("callers are answered too late for Plivo", "AnswerRepeated", 4)
def _(world: World) -> Iterator[Act]:
    def ask_again() -> None:
        for _ in range(13):
            world.ask_for_answer("/v1/plivo/answer", CallUUID="one", Event="StartApp")

    yield once(ask_again)


# The API and the table


@breaks(
    "DynamoDB throttles the table",
    "TableThrottled",
    6,
    may="WorkFunctionErrors",
    quick=True,
)
def _(world: World) -> Iterator[Act]:
    world.time.throttle("Write")
    yield partial(world.invoke, "ReconcileSessionsFunction")


@breaks("a function may not use the table", "StorageUnavailable ApiErrors", 3)
def _(world: World) -> Iterator[Act]:
    path = f"/v1/sessions/{world.create()['session_uuid']}"
    with world.with_variables("GetSessionFunction", TABLE_NAME=NOTHING):
        yield once(lambda: [world.api.get(path) for _ in range(6)])


@breaks(
    "a session is stored in a way that no code knows",
    "UnexpectedError",
    3,
    # Such a change of it can't be published either.
    may="ChangeDeadLetters",
    quick=True,
)
def _(world: World) -> Iterator[Act]:
    session = world.create()
    whole = world.state(session)
    world.put({**whole, "created_time": "never"})
    yield once(lambda: world.api.get(f"/v1/sessions/{session['session_uuid']}"))
    world.forget(session)


@breaks("the use of keys can't be written", "KeyUseNotNoted", 3, may="TableThrottled")
def _(world: World) -> Iterator[Act]:
    header = {"headers": {"authorization": f"Bearer {world.stack.api_key}"}}
    world.forget_use_of_keys()

    def ask() -> None:
        for _ in range(6):
            world.invoke("AuthorizeFunction", header)

    world.time.throttle("Write")
    yield once(ask)


# The stream


@breaks("what reads the stream fails", "ChangesLate WorkFunctionErrors", 14)
def _(world: World) -> Iterator[Act]:
    with world.failing("PublishChangesFunction"):
        world.create()
        # What reads the stream looks once a second.
        yield lambda: time.sleep(1.2)


@breaks("nobody reads the stream", "ChangesNotRead", 20)
def _(world: World) -> Iterator[Act]:
    with world.unread("PublishChangesFunction"):
        yield world.create


@breaks(
    "Lambda gave a batch up, and the stream has forgotten it",
    "ChangesLost ChangeDeadLetters LiveSessionsNotCounted",
    4,
    quick=True,
    is_lost=True,
)
def _(world: World) -> Iterator[Act]:
    stream = world.dynamodb.describe_table(TableName=world.stack.outputs["TableName"])
    batch = {
        "shardId": "shardId-00000001772366400000-1a2b3c4d",
        "startSequenceNumber": "100000000000000000001",
        "endSequenceNumber": "100000000000000000004",
        "batchSize": 4,
        "streamArn": stream["Table"]["LatestStreamArn"],
    }
    yield once(partial(world.send, "ChangeQueue", {"DDBStreamBatchInfo": batch}))


# Queues that nobody reads


def _unread(queue: str, function: str, minutes: int, *, quick: bool = False) -> None:
    @breaks(f"nobody reads {queue}", f"{queue}Age", minutes, quick=quick)
    def _(world: World) -> Iterator[Act]:
        with world.unread(function):
            world.send(queue, {})
            yield nothing
            # No code knows what it is.
            world.purge(queue)


_unread("CheckQueue", "CheckSessionsFunction", 36)
_unread("ChangeQueue", "RepublishChangesFunction", 36)
_unread("WebhookQueue", "DeliverWebhookFunction", 66)
_unread("RecordingQueue", "StoreRecordingFunction", 126)
_unread("ErasureQueue", "EraseNumberFunction", 126)


# Rules of the bus


@breaks("the rule of webhooks is disabled", "WebhookRuleSilent", 20)
def _(world: World) -> Iterator[Act]:
    with world.without_rule("WebhookRule"):
        yield lambda: world.create(callback_url="http://127.0.0.1:9/nobody")


@breaks("the rule of recordings is disabled", "RecordingRuleSilent", 20)
def _(world: World) -> Iterator[Act]:
    session = world.create(record=True, record_file_format="wav")
    with world.without_rule("RecordingAnnouncedRule"):
        yield partial(world.call, session)
    world.forget(session)


# What is given up


def _given_up(
    how: str,
    queue: str,
    function: str,
    letters: str,
    begin: Callable[[World], object],
) -> None:
    @breaks(how, letters, 45, may="WorkFunctionErrors")
    def _(world: World) -> Iterator[Act]:
        with world.failing(function), world.received_at_most(2, queue):
            begin(world)
            yield nothing


def _check(world: World) -> None:
    session = world.create()
    world.send("CheckQueue", {"session_uuid": session["session_uuid"]})


def _announce(world: World) -> None:
    world.call(world.create(record=True, record_file_format="wav"))


def _erase(world: World) -> None:
    _ask_to_erase(world, world.create()["first_party"])


def _ask_to_erase(world: World, number: str) -> None:
    answer = world.api.post("/v1/erasures", json={"phone_number": number})
    if not answer.is_success:
        raise ProofError(f"an erasure answered {answer.text}")


def _tell(world: World) -> None:
    world.create(callback_url="http://127.0.0.1:9/nobody")


def _give_up_a_batch(world: World) -> None:
    world.create()
    # What reads the stream looks once a second.
    time.sleep(1.2)
    world.send("ChangeQueue", world.batch_of_changes())


for _queue, _function, _begin in (
    ("Recording", "StoreRecording", _announce),
    ("Check", "CheckSessions", _check),
    ("Erasure", "EraseNumber", _erase),
    ("Webhook", "DeliverWebhook", _tell),
    ("Change", "RepublishChanges", _give_up_a_batch),
):
    _given_up(
        f"what is in {_queue}Queue fails each time",
        f"{_queue}Queue",
        f"{_function}Function",
        f"{_queue}DeadLetters",
        _begin,
    )


@breaks("EventBridge can't reach a queue (a letter by hand)", "RuleDeadLetters", 3)
def _(world: World) -> Iterator[Act]:
    # The emulator has no letters of rules.
    session = world.create()
    detail = {
        "id": "evt_0123456789abcdef",
        "type": "session.created",
        "tenant_id": TENANT,
        "session_uuid": session["session_uuid"],
        "webhook": "callback_url",
    }
    event = {"detail-type": detail["type"], "detail": detail}
    reasons = {
        "TARGET_ARN": world.arn_of("WebhookQueue"),
        "ERROR_CODE": "NO_PERMISSIONS",
    }
    yield once(lambda: world.send("RuleDeadLetters", event, **reasons))


@breaks("deliveries fail on our side", "WebhookFailed", 14)
def _(world: World) -> Iterator[Act]:
    with world.with_variables("DeliverWebhookFunction", SIGNING_SECRET_ARN=NOTHING):
        # Not the endpoint of others, which may be paused: nothing is signed for it.
        world.create(callback_url="http://127.0.0.1:7/nobody")
        yield nothing


@breaks(
    "Plivo does not end the sessions of an erased person",
    "ErasureLate",
    320,
    # The first pauses are short.
    may="CarrierFailure",
)
def _(world: World) -> Iterator[Act]:
    session = world.create(session_expiry=86_000)
    arm(world.simulator, {"delete_5xx_before_commit": {"rate": 1}})
    _ask_to_erase(world, session["first_party"])
    yield nothing


# Functions


GROUPS = {
    "Callback": "OnSessionEvent OnRecordingEvent AnswerCall",
    "Write": (
        "Authorize CreateSession UpdateSession ExpireSession DeleteRecording "
        "CreateErasure ReplayDelivery"
    ),
    "Read": (
        "GetSession ListSessions SearchSessions ListRecordings GetRecording "
        "ListEvents ListDeliveries GetErasure GetHealth"
    ),
    "Work": (
        "PublishChanges RepublishChanges DeliverWebhook EraseNumber StoreRecording "
        "ExpireSessions ReconcileSessions CheckSessions"
    ),
}

# What else follows when that function does not run.
FOLLOWS = {
    "ExpireSessions": "SweepSilent",
    "PublishChanges": "ChangesLate ChangesNotRead",
}


def of_functions(world: World) -> list[Breakage]:
    """Return the two breakages of each function. Raise ProofError if one has none."""
    grouped = {
        f"{name}Function": group
        for group, names in GROUPS.items()
        for name in names.split()
    }
    if sorted(grouped) != functions_of(world.names):
        raise ProofError("a function of the template is in no group, or gone")
    return [
        _of_function(function, group, how)
        for function, group in grouped.items()
        for how in ("Errors", "Throttles")
    ]


def _of_function(function: str, group: str, how: str) -> Breakage:
    def broken(world: World) -> Iterator[Act]:
        break_it = world.failing if how == "Errors" else world.throttled
        with break_it(function):
            yield partial(world.invoke, function)

    name = function.removesuffix("Function")
    may = FOLLOWS.get(name, "").split()
    return Breakage(
        f"{name} {'fails' if how == 'Errors' else 'is throttled'}",
        contextmanager(broken),
        frozenset({f"{group}Function{how}Alarm"}),
        12 if group == "Work" else 3,
        frozenset(f"{each}Alarm" for each in may),
        quick=name in ("AnswerCall", "CreateSession", "GetHealth"),
    )
