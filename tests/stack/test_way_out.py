"""Nothing is lost on the way out, and no tenant holds up another, on a stack.

The bus refuses by a policy of the functions' roles, as the emulator enforces them; the
functions are killed by their processes' ids, only those of this test's own stack. How
workers are shared is tested in `tests/handlers/test_fair_shares.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from proofs.faults import function_processes
from proofs.http_listener import HttpListener, hang
from stack.running import RunningStack
from tests.support.deliverer import detail_of
from tests.support.maskline import Command
from tests.support.observed_bus import Observer
from tests.support.plivo_callbacks import Caller
from tests.support.stack_api import api_client
from tests.support.waiting import wait_for

PUBLISH, REPUBLISH = "publish_changes", "republish_changes"
LIFE = ["session.created", "session.updated", "session.updated", "session.expired"]
DENY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Deny", "Action": "events:PutEvents", "Resource": "*"},
    ],
}
KILL_PAUSE = 0.03

# The most that a busy machine may need.
PATIENCE = 60.0

# Each receiver is an endpoint of its own, so that few of them rest for their failures.
# All workers take fifty at once: without shares these keep them for 15 seconds.
RECEIVERS = 30
OF_EACH = 5
SOUND = 5

# An attempt at a receiver that hangs takes five seconds, and the first of them have all
# workers, because nobody knows the tenant yet; the workers have to start as well.
FIRST = 15.0
NEXT = 4.0


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: its functions are denied the bus, or killed."""
    return lone_stack


@pytest.fixture(name="observer")
def _observer(stack: RunningStack) -> Iterator[Observer]:
    observer = Observer(stack)
    yield observer
    observer.end()


@pytest.fixture(name="impatient")
def _impatient(stack: RunningStack) -> Iterator[None]:
    """Have the mapping give up after the first retry, not the hundredth."""
    aws: Any = stack.aws.client("lambda")
    name = stack.function_names()[PUBLISH]
    [mapping] = aws.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    name = mapping["UUID"]
    aws.update_event_source_mapping(UUID=name, MaximumRetryAttempts=1)
    yield
    most = mapping["MaximumRetryAttempts"]
    aws.update_event_source_mapping(UUID=name, MaximumRetryAttempts=most)


@contextmanager
def bus_that_refuses(stack: RunningStack, *folders: str) -> Iterator[None]:
    """Deny functions the bus."""
    iam: Any = stack.aws.client("iam")
    functions: Any = stack.aws.client("lambda")
    names = stack.function_names()
    roles = [
        functions.get_function(FunctionName=names[folder])["Configuration"]["Role"]
        for folder in folders
    ]
    for role in roles:
        iam.put_role_policy(
            RoleName=role.rpartition("/")[2],
            PolicyName="refused",
            PolicyDocument=json.dumps(DENY),
        )
    try:
        yield
    finally:
        for role in roles:
            iam.delete_role_policy(
                RoleName=role.rpartition("/")[2], PolicyName="refused"
            )


def lived(api: httpx.Client, first: str, second: str) -> str:
    """Let a session be created, updated twice and ended; return its UUID."""
    pair = {"first_party": first, "second_party": second, "session_expiry": 3600}
    made = api.post("/v1/sessions", json=pair)
    assert made.status_code == 201, made.text
    session_uuid = str(made.json()["session"]["session_uuid"])
    for body in ({"record": True}, {"labels": {"order": "17"}}):
        assert api.patch(f"/v1/sessions/{session_uuid}", json=body).status_code == 200
    assert api.delete(f"/v1/sessions/{session_uuid}").status_code in (200, 202)
    return session_uuid


def letters(stack: RunningStack) -> int:
    """Count the changes that are parked."""
    sqs: Any = stack.aws.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=stack.outputs["ChangeDeadLettersUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


@pytest.mark.usefixtures("impatient")
def test_after_a_bus_that_refused_a_redrive_brings_each_event_once_in_its_place(
    stack: RunningStack, observer: Observer
) -> None:
    with api_client(stack) as api, bus_that_refuses(stack, PUBLISH, REPUBLISH):
        sessions = [
            lived(api, "+12025550161", "+12025550162"),
            lived(api, "+12025550163", "+12025550164"),
        ]
        wait_for(lambda: letters(stack) >= len(sessions) * len(LIFE), PATIENCE)
        assert [observer.of(each) for each in sessions] == [[], []]

    moved = Command(stack).json("redrive", "changes")
    wait_for(
        lambda: all(len(observer.of(each)) >= len(LIFE) for each in sessions), PATIENCE
    )

    assert moved["sent"] >= len(sessions) * len(LIFE)
    for session in sessions:
        came = sorted(observer.of(session), key=lambda each: str(each["sequence"]))
        assert [each["type"] for each in came] == LIFE
        assert len({each["id"] for each in came}) == len(LIFE)
    assert letters(stack) == 0


@pytest.mark.usefixtures("impatient")
def test_what_a_function_that_is_killed_each_time_could_not_publish_comes_all_the_same(
    stack: RunningStack, observer: Observer
) -> None:
    over = threading.Event()
    killed = []

    def kill() -> None:
        while not over.wait(KILL_PAUSE):
            for process in function_processes(stack, [PUBLISH]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)

    thread = threading.Thread(target=kill)
    # One that gets away is refused: it can't be what publishes.
    with bus_that_refuses(stack, PUBLISH), httpx.Client(trust_env=False) as http:
        thread.start()
        try:
            plivo = Caller(stack, http)
            session = plivo.session(plivo.stores, "local").session_uuid
            wait_for(lambda: observer.of(session), PATIENCE)
        finally:
            over.set()
            thread.join()

    assert [each["type"] for each in observer.of(session)] == ["session.created"]
    assert len(killed) >= 2
    assert letters(stack) == 0


def test_a_sound_tenants_deliveries_arrive_within_seconds_beside_a_hostile_ones(
    stack: RunningStack,
) -> None:
    anywhere = "0.0.0.0"
    with (
        HttpListener(hang(), host=anywhere) as hostile,
        HttpListener() as sink,
        httpx.Client(trust_env=False) as http,
    ):
        plivo = Caller(stack, http)
        stores = plivo.stores
        sessions = [
            plivo.session(
                stores,
                "hostile",
                callback_url=f"http://127.0.0.{number + 2}:{hostile.port}/hooks",
            ).session_uuid
            for number in range(RECEIVERS)
        ]
        _send(stack, sessions * OF_EACH)

        delays = []
        for expected in range(1, SOUND + 1):
            sent = time.monotonic()
            plivo.session(stores, "sound", callback_url=sink.url)
            sink.wait_for(expected, PATIENCE)
            delays.append(time.monotonic() - sent)

    print(f"{[round(each, 2) for each in delays]}, {len(hostile.requests)} hung")
    assert delays[0] < FIRST
    assert max(delays[1:]) < NEXT
    assert len({each.headers["webhook-id"] for each in sink.requests}) == SOUND
    assert len(hostile.requests) >= RECEIVERS
    sqs: Any = stack.aws.client("sqs")
    sqs.purge_queue(QueueUrl=stack.outputs["WebhookQueueUrl"])


def _send(stack: RunningStack, sessions: list[str]) -> None:
    """Send an event of each session to the queue, as the rule of the bus does."""
    sqs: Any = stack.aws.client("sqs")
    bodies = [
        json.dumps(
            {"detail": detail_of(each, id=str(uuid.uuid4()), tenant_id="hostile")}
        )
        for each in sessions
    ]
    for start in range(0, len(bodies), 10):
        sqs.send_message_batch(
            QueueUrl=stack.outputs["WebhookQueueUrl"],
            Entries=[
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[start : start + 10])
            ],
        )
