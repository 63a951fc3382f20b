"""Use a running stack: its clients, table, functions and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from masking.core import settings
from masking.core.times import Clock
from masking.wiring import Services
from proofs.runner import wait_for
from stack.aws.listeners import listening_queue
from stack.running import RunningStack

# Longer than the HTTP API waits for a function.
PATIENCE_SECONDS = 45.0

# What a call may take until it has ended.
CALL_SECONDS = 120.0


def http_client(url: str, **headers: str) -> httpx.Client:
    """Return a client of a service on this machine; no proxy is used."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=PATIENCE_SECONDS,
        limits=limits,
        trust_env=False,
    )


def api_client(stack: RunningStack) -> httpx.Client:
    """Return a client of the API with the key of the tenant `local`."""
    return http_client(stack.addresses.api_url, authorization=f"Bearer {stack.api_key}")


def simulator_client(stack: RunningStack) -> httpx.Client:
    """Return a client of the simulator's control API."""
    return http_client(stack.addresses.plivo_url)


def get_json(client: httpx.Client, path: str) -> Any:
    """Return the document at *path*. Raise if the answer is no success."""
    return client.get(path).raise_for_status().json()


def make_call(
    simulator: httpx.Client, script: Mapping[str, Any], callbacks_within: int = 0
) -> dict[str, Any]:
    """Play a call to its end; return it as the simulator shows it then.

    Its callbacks are waited for as well, for at most *callbacks_within* seconds.
    """
    placed = simulator.post("/_sim/calls", json=dict(script)).raise_for_status()
    path = f"/_sim/calls/{placed.json()['call_uuid']}?wait={callbacks_within}"

    def look() -> dict[str, Any] | None:
        call: dict[str, Any] = get_json(simulator, path)
        return call if call["state"] == "ended" else None

    return wait_for("a call to end", look, CALL_SECONDS)


def services_of(
    stack: RunningStack, now: Clock = lambda: datetime.now(UTC)
) -> Services:
    """Return what the functions of a stack work with, on the clock *now*."""
    return Services(
        settings.from_outputs(stack.outputs),
        client=lambda service, **_: stack.aws.client(service),
        now=now,
    )


def invoke(stack: RunningStack, folder: str, event: object) -> Any:
    """Invoke the function of a folder; return its answer."""
    answer = stack.aws.client("lambda").invoke(
        FunctionName=stack.function_names()[folder], Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read() or b"null")


def listen_to_bus(stack: RunningStack, name: str, pattern: object) -> str:
    """Copy events that fit *pattern* into a queue of ours from now on; return its URL.

    *name* is the name of the queue and of the rule.
    """
    url, arn = listening_queue(stack.aws, name)
    events, bus = stack.aws.client("events"), stack.outputs["BusName"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    target = {"Id": name, "Arn": arn}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    return url


def listen_to_alarms(stack: RunningStack, name: str) -> str:
    """Copy alarms into a queue of ours from now on; return its URL."""
    url, arn = listening_queue(stack.aws, name)
    stack.aws.client("sns").subscribe(
        TopicArn=stack.outputs["AlarmsTopicArn"], Protocol="sqs", Endpoint=arn
    )
    return url


def drain(stack: RunningStack, url: str) -> Iterator[dict[str, Any]]:
    """Yield the messages of a queue, which it then no longer has."""
    sqs = stack.aws.client("sqs")
    while messages := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        AttributeNames=["All"],
    ).get("Messages"):
        for message in messages:
            yield message
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def messages_in(stack: RunningStack, url: str) -> int:
    """Return how many messages a queue holds, delayed and taken ones among them."""
    found = stack.aws.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["All"]
    )["Attributes"]
    names = ("", "Delayed", "NotVisible")
    return sum(int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)
