"""The deployed functions erase a person: nothing of the number is left anywhere."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.alarms.virtual_time import VirtualTime
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack
from tests.support.pii_scan import forms_of, traces

PERSON = "+12025550147"
OTHER = "+12025550148"

# Two walks, the second after a rest by the functions' clock, on a busy machine.
WALKS_SECONDS = 300

# So often a minute of the queues' delay is skipped.
SKIP_SECONDS = 4


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[RunningStack]:
    """Run a stack of one's own: its time is skipped, and all of its queues are read."""
    with Stack(free_addresses(), tmp_path) as started:
        yield started.running


def test_a_person_is_forgotten_by_the_deployed_functions(stack: RunningStack) -> None:
    body = {"first_party": PERSON, "second_party": OTHER, "record": True}
    more = {"labels": {"customer": "Ada Example"}, "session_expiry": 3600}
    made = api(stack, "POST", "/v1/sessions", {**body, **more})["session"]
    uuid = made["session_uuid"]
    place = {"from": PERSON, "to": made["virtual_number"], "talk_seconds": 2}
    call = sim(stack, "POST", "calls", place)
    sim(stack, "GET", f"calls/{call['call_uuid']}?wait=30")
    until(30, lambda: is_stored(stack, uuid))
    just_before = api(
        stack, "POST", "/v1/sessions", body | {"second_party": "+12025550149"}
    )

    begun = api(stack, "POST", "/v1/erasures", {"phone_number": PERSON})["erasure"]
    path = f"/v1/erasures/{begun['erasure_id']}"
    queues = VirtualTime.of(stack)

    def completed() -> bool:
        queues.pass_minute()
        return bool(erasure(stack, path)["status"] == "completed")

    with queues.client:
        until(WALKS_SECONDS, completed, SKIP_SECONDS)

    proof = erasure(stack, path)
    assert proof["found"]["sessions"] == 2
    assert proof["found"]["recordings"] == proof["found"]["labels"] == 1
    assert proof["found"]["events"] > 0
    assert traces(places(stack), forms_of(PERSON)) == []
    shown = api(stack, "GET", f"/v1/sessions/{uuid}")["session"]
    assert shown["first_party"] is shown["second_party"] is None
    assert shown["erased_at"]
    assert [call["caller"] for call in shown["calls"]] == ["first"]
    other = just_before["session"]["session_uuid"]
    assert api(stack, "GET", f"/v1/sessions/{other}")["session"]["erased_at"]


def places(stack: RunningStack) -> dict[str, str]:
    """Write out the table, the bucket, the queues, all logs."""
    aws = stack.aws
    table = aws.client("dynamodb").scan(TableName=stack.outputs["TableName"])
    assert "LastEvaluatedKey" not in table
    bucket = stack.outputs["BucketName"]
    versions = aws.client("s3").list_object_versions(Bucket=bucket)
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")
    return {
        "table": json.dumps(table["Items"], default=str),
        "queues": json.dumps(queued(stack)),
        "logs": json.dumps(logged(stack)),
        "processes": (stack.run_dir.parent / "aws.log").read_text(),
    }


def queued(stack: RunningStack) -> list[str]:
    """Read what is in every queue, dead letters as well."""
    sqs = stack.aws.client("sqs")
    found = []
    for url in sqs.list_queues()["QueueUrls"]:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        found += [json.dumps(message) for message in answer.get("Messages", [])]
    return found


def logged(stack: RunningStack) -> list[str]:
    """Read what every function has logged."""
    logs = stack.aws.client("logs")
    found = []
    for group in logs.describe_log_groups()["logGroups"]:
        answer = logs.filter_log_events(logGroupName=group["logGroupName"])
        found += [event["message"] for event in answer["events"]]
    return found


def is_stored(stack: RunningStack, session_uuid: str) -> bool:
    """Return whether the recording of a session is in the bucket."""
    listed = api(stack, "GET", f"/v1/sessions/{session_uuid}/recordings")["objects"]
    return [each["status"] for each in listed] == ["stored"]


def erasure(stack: RunningStack, path: str) -> dict[str, Any]:
    """Ask after an erasure."""
    found: dict[str, Any] = api(stack, "GET", path)["erasure"]
    return found


def until(seconds: float, is_so: Callable[[], bool], pause: float = 0.1) -> None:
    """Wait until something is so; look after each *pause*, in seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(pause)


def api(
    stack: RunningStack, method: str, path: str, body: object = None
) -> dict[str, Any]:
    """Ask the API."""
    key = {"authorization": f"Bearer {stack.api_key}"}
    return send(method, stack.addresses.api_url + path, body, key)


def sim(
    stack: RunningStack, method: str, path: str, body: object = None
) -> dict[str, Any]:
    """Ask the simulator's control API."""
    return send(method, f"{stack.addresses.plivo_url}/_sim/{path}", body, {})


def send(
    method: str, url: str, body: object, headers: dict[str, str]
) -> dict[str, Any]:
    """Send a request, give the JSON of the answer."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json", **headers},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        document: dict[str, Any] = json.loads(response.read())
    return document
