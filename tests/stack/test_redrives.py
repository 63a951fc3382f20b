"""What each function could not do is parked, and one command has it done, on a stack.

A function is broken by a policy of its role, as the emulator enforces it, and its queue
gives up at the first failure instead of after hours. Changes of the table are tested in
`tests/stack/test_way_out.py`. The emulator has no dead letters of rules: what
EventBridge would park is put there, the rule being disabled meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from operate.redrive import ROUTES
from proofs.http_listener import HttpListener
from stack.running import RunningStack
from tests.support.maskline import Command
from tests.support.observed_bus import Observer
from tests.support.waiting import wait_for

# The most that a busy machine may need; an erasure walks twice over what there is.
PATIENCE = 60.0
WALKS = 300.0

WORKERS = {
    "checks": "check_sessions",
    "recordings": "store_recording",
    "webhooks": "deliver_webhook",
    "erasures": "erase_number",
}
DENY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Action": ["dynamodb:*", "sqs:ChangeMessageVisibility"],
            "Resource": "*",
        },
    ],
}


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: its functions are denied the table."""
    return lone_stack


@pytest.fixture(name="observer")
def _observer(stack: RunningStack) -> Iterator[Observer]:
    observer = Observer(stack)
    yield observer
    observer.end()


@pytest.fixture(autouse=True)
def _delays(stack: RunningStack) -> Iterator[None]:
    """Restore the delays of the queues, for other tests of this stack."""
    sqs: Any = stack.aws.client("sqs")
    names = ["DelaySeconds"]
    before = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        for url in (stack.outputs[alive] for _, alive in ROUTES.values())
    }
    yield
    for url, attributes in before.items():
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


@contextmanager
def broken(stack: RunningStack, queue: str) -> Iterator[None]:
    """Let the function that works a queue off fail, and the queue give up at once."""
    iam: Any = stack.aws.client("iam")
    functions: Any = stack.aws.client("lambda")
    sqs: Any = stack.aws.client("sqs")
    function = functions.get_function(
        FunctionName=stack.function_names()[WORKERS[queue]]
    )
    role = function["Configuration"]["Role"].rpartition("/")[2]
    url = stack.outputs[ROUTES[queue][1]]
    names = ["VisibilityTimeout", "DelaySeconds", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1}
    quick = {"VisibilityTimeout": "1", "DelaySeconds": "0"}
    iam.put_role_policy(
        RoleName=role, PolicyName="refused", PolicyDocument=json.dumps(DENY)
    )
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={**quick, "RedrivePolicy": json.dumps(policy)}
    )
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="refused")
        # What is redriven comes at once, or this would take as long as its delay.
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={**before, "DelaySeconds": "0"}
        )


def parked(stack: RunningStack, output: str) -> int:
    """Count the letters in a queue."""
    sqs: Any = stack.aws.client("sqs")
    name = "ApproximateNumberOfMessages"
    answer = sqs.get_queue_attributes(
        QueueUrl=stack.outputs[output], AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def wait_until_parked(stack: RunningStack, queue: str) -> None:
    """Wait until something is in a queue of dead letters."""
    wait_for(lambda: parked(stack, ROUTES[queue][0]), PATIENCE)


def create(api: httpx.Client, number: int, **more: object) -> dict[str, Any]:
    """Create a session of two reserved numbers; return it."""
    pair = {
        "first_party": f"+120255501{number}",
        "second_party": f"+120255501{number + 1}",
    }
    made = api.post("/v1/sessions", json={**pair, "session_expiry": 3600, **more})
    assert made.status_code == 201, made.text
    session: dict[str, Any] = made.json()["session"]
    return session


def call(simulator: httpx.Client, session: dict[str, Any]) -> None:
    """Let the first party call the second."""
    body = {"from": session["first_party"], "to": session["virtual_number"]}
    placed = simulator.post("/_sim/calls", json={**body, "talk_seconds": 2})
    assert placed.is_success, placed.text
    name = placed.json()["call_uuid"]
    assert simulator.get(f"/_sim/calls/{name}", params={"wait": 30}).is_success


def redrive(stack: RunningStack, queue: str) -> int:
    """Redrive what is parked; return how much that was."""
    done = Command(stack).json("redrive", queue)
    assert done["left"] == 0
    return int(done["sent"])


def test_the_end_of_a_call_that_could_not_be_looked_at_is_told_after_a_redrive(
    stack: RunningStack,
    api: httpx.Client,
    simulator: httpx.Client,
    observer: Observer,
) -> None:
    # Only here is it a check that tells of the end: there is no event for it.
    simulator.put("/_sim/switches", json={"generation": "2024"}).raise_for_status()
    with broken(stack, "checks"):
        session = create(api, 10)
        call(simulator, session)
        wait_until_parked(stack, "checks")
        assert "call.ended" not in _types(observer, session)

    assert redrive(stack, "checks") > 0

    wait_for(lambda: "call.ended" in _types(observer, session), PATIENCE)
    # A queue may hand a message out twice: once told means told under one id.
    told = observer.of(session["session_uuid"])
    assert len({each["id"] for each in told if each["type"] == "call.ended"}) == 1


def test_a_recording_that_could_not_be_stored_is_stored_after_a_redrive(
    stack: RunningStack, api: httpx.Client, simulator: httpx.Client
) -> None:
    with broken(stack, "recordings"):
        session = create(api, 12, record=True)
        call(simulator, session)
        wait_until_parked(stack, "recordings")
    path = f"/v1/sessions/{session['session_uuid']}/recordings"
    assert [each["status"] for each in api.get(path).json()["objects"]] != ["stored"]

    assert redrive(stack, "recordings") == 1

    wait_for(
        lambda: (
            [each["status"] for each in api.get(path).json()["objects"]] == ["stored"]
        ),
        PATIENCE,
    )


def test_a_webhook_that_could_not_be_sent_is_sent_after_a_redrive(
    stack: RunningStack, api: httpx.Client
) -> None:
    with HttpListener() as sink:
        with broken(stack, "webhooks"):
            create(api, 14, callback_url=sink.url)
            wait_until_parked(stack, "webhooks")
            assert not sink.requests

        assert redrive(stack, "webhooks") == 1

        sink.wait_for(1, PATIENCE)
        assert json.loads(sink.requests[0].body)["type"] == "session.created"


def test_a_person_who_could_not_be_erased_is_erased_after_a_redrive(
    stack: RunningStack, api: httpx.Client
) -> None:
    session = create(api, 16)
    with broken(stack, "erasures"):
        number = {"phone_number": session["first_party"]}
        path = api.post("/v1/erasures", json=number).json()["erasure"]["resource_uri"]
        wait_until_parked(stack, "erasures")

    assert redrive(stack, "erasures") == 1

    wait_for(lambda: api.get(path).json()["erasure"]["status"] == "completed", WALKS)


def test_an_event_that_a_rule_could_not_deliver_is_delivered_after_a_redrive(
    stack: RunningStack, api: httpx.Client, observer: Observer
) -> None:
    events: Any = stack.aws.client("events")
    sqs: Any = stack.aws.client("sqs")
    bus = {"EventBusName": stack.outputs["BusName"]}
    queue = sqs.get_queue_attributes(
        QueueUrl=stack.outputs["WebhookQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    [rule] = events.list_rule_names_by_target(TargetArn=queue, **bus)["RuleNames"]
    with HttpListener() as sink:
        events.disable_rule(Name=rule, **bus)
        try:
            session = create(api, 18, callback_url=sink.url)
            [event] = wait_for(lambda: observer.events_of(session["session_uuid"]))
        finally:
            events.enable_rule(Name=rule, **bus)
        sqs.send_message(
            QueueUrl=stack.outputs["RuleDeadLettersUrl"],
            MessageBody=json.dumps(event),
            MessageAttributes={
                "TARGET_ARN": {"DataType": "String", "StringValue": queue},
                "ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"},
            },
        )
        assert not sink.requests

        assert redrive(stack, "rules") == 1

        sink.wait_for(1, PATIENCE)
        assert json.loads(sink.requests[0].body)["id"] == event["detail"]["id"]
    assert parked(stack, "RuleDeadLettersUrl") == 0


def _types(observer: Observer, session: dict[str, Any]) -> list[str]:
    return [each["type"] for each in observer.of(session["session_uuid"])]
