"""The deployed functions erase a person: nothing of the number is left anywhere.

It takes as long as their queue's delay: two and a half minutes.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from stack.running import RunningStack
from tests.support.pii_scan import forms_of, traces

PERSON = "+12025550147"
OTHER = "+12025550148"

# Two walks, each after the delay of the queue, and what a busy machine adds.
WALKS_SECONDS = 300


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: all of its queues are read."""
    return lone_stack


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
    until(WALKS_SECONDS, lambda: erasure(stack, path)["status"] == "completed")

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


def until(seconds: float, is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(1)


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
