"""The examples of openapi.yaml are what a running stack takes, answers and sends.

A whole scenario is played with them, and every event of it is compared with the schema
of its channel.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest

from proofs.http_listener import HttpListener
from stack.running import RunningStack
from tests.support.api_document import DOCUMENT, OPERATIONS, check, resolved
from tests.support.event_schemas import check_event

T = TypeVar("T")

EXAMPLES: dict[str, Any] = DOCUMENT["components"]["examples"]

WEBHOOKS = resolved(DOCUMENT["webhooks"])

# Each that a call and an ending bring.
EXPECTED = {
    *("session.created", "call.started", "call.ringing", "call.answered", "call.ended"),
    *("recording.stored", "session.updated", "recording.deleting", "recording.deleted"),
    "session.expired",
}

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: the examples' people must have no other session."""
    return lone_stack


def value(name: str) -> Any:
    """Return an example, as one's own."""
    return json.loads(json.dumps(EXAMPLES[name]["value"]))


def until(look: Callable[[], T | None]) -> T:
    """Look until there is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
    return found


def shape(value: Any) -> Any:
    """Return what names a value has, and of what kinds what they name is.

    Null is of any kind, because it depends on what has happened.
    """
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return None if value is None else type(value).__name__


def agrees(shown: Any, answered: Any) -> bool:
    """Return whether an example and an answer have the same shape."""
    if shown is None or answered is None:
        return True
    if isinstance(shown, dict) and isinstance(answered, dict):
        return shown.keys() == answered.keys() and all(
            agrees(shown[name], answered[name]) for name in shown
        )
    if isinstance(shown, list) and isinstance(answered, list):
        return not shown or not answered or agrees(shown[0], answered[0])
    return bool(shown == answered)


def takes(response: httpx.Response, operation: str, example: str) -> Any:
    """Compare an answer with its schema and with its example; return it."""
    documented = OPERATIONS[operation]["responses"][str(response.status_code)]
    answered = response.json()
    check(documented["content"]["application/json"]["schema"], answered)
    shown = value(example)
    assert agrees(open_maps(shape(shown)), open_maps(shape(answered))), example
    return answered


# What these hold differs from one to the next.
MAPS = {"labels", "attributes", "carrier_event", "found"}


def open_maps(shape: Any) -> Any:
    """Leave out what is in objects whose names are not fixed."""
    if isinstance(shape, dict):
        return {k: None if k in MAPS else open_maps(v) for k, v in shape.items()}
    return [open_maps(each) for each in shape] if isinstance(shape, list) else shape


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpListener]:
    """Play the app that gets the webhooks."""
    with HttpListener() as listener:
        yield listener


class Bus:
    """Listens on the bus, as a rule of somebody else's would."""

    def __init__(self, stack: RunningStack) -> None:
        self.sqs = stack.aws.client("sqs")
        events = stack.aws.client("events")
        self.queue = self.sqs.create_queue(QueueName="test-reference")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        bus = stack.outputs["BusName"]
        pattern = json.dumps({"source": ["maskline"]})
        events.put_rule(Name="test-reference", EventBusName=bus, EventPattern=pattern)
        events.put_targets(
            Rule="test-reference",
            EventBusName=bus,
            Targets=[{"Id": "all", "Arn": arn}],
        )
        self.seen: list[dict[str, Any]] = []

    def details(self, at_least: int) -> list[dict[str, Any]] | None:
        """Return what has come, None while fewer kinds have than there should be."""
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10
            )
            found = answer.get("Messages", [])
            if not found:
                break
            for each in found:
                self.seen.append(json.loads(each["Body"])["detail"])
                self.sqs.delete_message(
                    QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"]
                )
        kinds = {each["type"] for each in self.seen}
        return self.seen if len(kinds) >= at_least else None


@pytest.fixture(scope="module")
def bus(stack: RunningStack) -> Bus:
    """Listen on the bus before anything happens."""
    return Bus(stack)


@pytest.fixture(scope="module")
def played(stack: RunningStack, sink: HttpListener, bus: Bus) -> dict[str, Any]:
    """Play the scenario once; return the answers by the names of their examples."""
    api = httpx.Client(
        base_url=stack.addresses.api_url,
        headers={"authorization": f"Bearer {stack.api_key}"},
        timeout=40,
        trust_env=False,
    )
    plivo = httpx.Client(
        base_url=stack.addresses.plivo_url, timeout=40, trust_env=False
    )
    assert bus.queue
    asked = value("CreateRecorded")
    asked |= {"callback_url": sink.url, "recording_callback_url": sink.url}
    made: dict[str, Any] = {}
    with api, plivo:
        made["create"] = api.post("/v1/sessions", json=asked)
        session = f"/v1/sessions/{made['create'].json()['session_uuid']}"
        call = {
            "from": asked["first_party"],
            "to": made["create"].json()["virtual_number"],
            "talk_seconds": 2,
        }
        call_uuid = plivo.post("/_sim/calls", json=call).json()["call_uuid"]
        plivo.get(f"/_sim/calls/{call_uuid}", params={"wait": 20})

        def stored() -> httpx.Response | None:
            listed = api.get(f"{session}/recordings")
            found = listed.json()["objects"]
            return listed if found and found[0]["status"] == "stored" else None

        made["recordings"] = until(stored)
        recording = made["recordings"].json()["objects"][0]["resource_uri"]
        made["link"] = api.get(recording, headers={"accept": "application/json"})
        made["read"] = api.get(session)
        made["events"] = api.get(f"{session}/events")
        made["update"] = api.patch(session, json=value("UpdateExpiry"))

        def listed() -> httpx.Response | None:
            page = api.get("/v1/sessions")
            return page if page.json()["objects"] else None

        made["list"] = until(listed)
        made["deliveries"] = api.get(
            "/v1/webhooks/deliveries", params={"session_uuid": session[-36:]}
        )
        delivery = made["deliveries"].json()["objects"][0]["id"]
        made["replay"] = api.post(f"/v1/webhooks/deliveries/{delivery}/replay")
        made["delete"] = api.delete(recording)
        made["expire"] = api.delete(session)
        made["erase"] = api.post("/v1/erasures", json=value("EraseByNumber"))
        made["erased"] = api.get(made["erase"].headers["location"])
    until(lambda: EXPECTED <= {each.document["type"] for each in sink.requests} or None)
    return made


@pytest.mark.parametrize(
    ("name", "operation", "example"),
    [
        ("create", "create_session", "SessionCreated"),
        ("read", "get_session", "SessionFound"),
        ("events", "list_events", "HistoryPage"),
        ("recordings", "list_recordings", "RecordingList"),
        ("link", "get_recording", "RecordingLink"),
        ("update", "update_session", "SessionUpdated"),
        ("list", "list_sessions", "SessionPage"),
        ("deliveries", "list_deliveries", "DeliveryPage"),
        ("replay", "replay_delivery", "DeliveryAnswer"),
        ("delete", "delete_recording", "RecordingDeletion"),
        ("expire", "expire_session", "SessionExpired"),
        ("erase", "create_erasure", "ErasureRunning"),
        ("erased", "get_erasure", "ErasureRunning"),
    ],
)
def test_an_answer_is_as_its_example_shows(
    played: dict[str, Any], name: str, operation: str, example: str
) -> None:
    takes(played[name], operation, example)


@pytest.mark.parametrize(
    "name", [each for each in EXAMPLES if re.match("Create(?!Recorded)", each)]
)
def test_an_example_of_a_create_is_taken(
    played: dict[str, Any], api: httpx.Client, name: str
) -> None:
    assert played
    created = api.post("/v1/sessions", json=value(name))
    try:
        assert created.status_code == 201, created.text
    finally:
        if created.status_code == 201:
            api.delete(f"/v1/sessions/{created.json()['session_uuid']}")


@pytest.mark.parametrize(
    "name", [each for each in EXAMPLES if each.startswith("Update")]
)
def test_an_example_of_an_update_is_taken(api: httpx.Client, name: str) -> None:
    pair = {"first_party": "+13125550170", "second_party": "+13125550171"}
    created = api.post("/v1/sessions", json=pair).json()
    path = f"/v1/sessions/{created['session_uuid']}"

    updated = api.patch(path, json=value(name))
    api.delete(path)
    assert updated.status_code == 200, updated.text


@pytest.mark.parametrize(
    "name", [each for each in EXAMPLES if each.startswith("Search")]
)
def test_an_example_of_a_search_is_taken(api: httpx.Client, name: str) -> None:
    found = api.post("/v1/sessions/search", json=value(name))

    assert found.status_code == 200, found.text


def test_every_webhook_is_as_the_document_says(
    played: dict[str, Any], sink: HttpListener
) -> None:
    assert played
    for request in list(sink.requests):
        event = request.document
        operation = WEBHOOKS[event["type"]]["post"]
        content = operation["requestBody"]["content"][request.headers["content-type"]]
        check(content["schema"], event)
        for header in operation["parameters"]:
            assert header["name"] in request.headers
        assert request.headers["webhook-id"] == event["id"]


def test_every_event_of_the_bus_is_as_its_schema_says(
    played: dict[str, Any], bus: Bus, sink: HttpListener
) -> None:
    assert played
    details = until(lambda: bus.details(at_least=len(EXPECTED)))
    for detail in details:
        check_event(detail)

    sent = {each.document["id"] for each in sink.requests}
    assert sent <= {each["id"] for each in details}
    assert {each["tenant_id"] for each in details} == {"local"}
