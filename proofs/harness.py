"""Use a running stack: its clients, table, functions and queues."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
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

# What the stream may take to be read to its end.
STREAM_SECONDS = 900.0

# Reading the authorities of this machine takes longer than most requests.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_client(url: str, **headers: str) -> httpx.Client:
    """Return a client of a service on this machine, over HTTP; no proxy is used."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=PATIENCE_SECONDS,
        limits=limits,
        trust_env=False,
        verify=_NO_AUTHORITIES,
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


def place_call(simulator: httpx.Client, script: Mapping[str, Any]) -> str:
    """Let the simulator play a call; return its UUID."""
    placed = simulator.post("/_sim/calls", json=dict(script)).raise_for_status()
    return str(placed.json()["call_uuid"])


def wait_for_call(
    simulator: httpx.Client, call_uuid: str, state: str, callbacks_within: int = 0
) -> dict[str, Any]:
    """Return a call once it is in *state* or has ended, as the simulator shows it.

    At its end its callbacks are waited for as well, for at most *callbacks_within*
    seconds.
    """
    path = f"/_sim/calls/{call_uuid}?wait={callbacks_within}"

    def look() -> dict[str, Any] | None:
        # On a busy machine an answer may be late: the next look sees as much.
        with contextlib.suppress(httpx.TimeoutException):
            call: dict[str, Any] = get_json(simulator, path)
            return call if call["state"] in (state, "ended") else None
        return None

    return wait_for(f"a call to be {state}", look, CALL_SECONDS)


def make_call(
    simulator: httpx.Client, script: Mapping[str, Any], callbacks_within: int = 0
) -> dict[str, Any]:
    """Play a call to its end; return it as the simulator shows it then.

    Its callbacks are waited for as well, for at most *callbacks_within* seconds.
    """
    call_uuid = place_call(simulator, script)
    return wait_for_call(simulator, call_uuid, "ended", callbacks_within)


def services_of(
    stack: RunningStack,
    now: Clock = lambda: datetime.now(UTC),
    **changed: str,
) -> Services:
    """Return what the functions of a stack work with, on the clock *now*.

    *changed* are outputs of the template that have other values here.
    """
    return Services(
        settings.from_outputs({**stack.outputs, **changed}),
        client=lambda service, **_: stack.aws.client(service),
        now=now,
    )


def invoke(stack: RunningStack, folder: str, event: object) -> Any:
    """Invoke the function of a folder; return its answer."""
    answer = stack.aws.client("lambda").invoke(
        FunctionName=stack.function_names()[folder], Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read() or b"null")


def reconcile_ahead(
    stack: RunningStack, by: timedelta, **changed: str
) -> dict[str, int]:
    """Reconcile as the function does, by a clock that runs ahead; return the outcomes.

    *changed* are outputs of the template that have other values here.
    """
    services = services_of(stack, lambda: datetime.now(UTC) + by, **changed)
    return dict(services.reconcile_sessions(lambda: True).work().outcomes)


def await_stream(api: httpx.Client, body: Mapping[str, Any]) -> None:
    """Wait until the stream's handler has seen what was written before this.

    It sees changes in their order: once a new session, made of *body*, is listed, it
    has seen all. The session is ended again.
    """
    asked = {**body, "labels": {"last": "of all"}}
    created = api.post("/v1/sessions", json=asked).raise_for_status()
    path = "/v1/sessions?label.last=of all"
    uuid = created.json()["session"]["session_uuid"]

    def look() -> bool:
        listed = get_json(api, path)["objects"]
        return any(each["session_uuid"] == uuid for each in listed)

    wait_for("the stream to be read to its end", look, STREAM_SECONDS)
    api.delete(f"/v1/sessions/{uuid}").raise_for_status()


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
