"""Tell which changes of the table invoke a function, by the filter of the template.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html, as far as
our filter needs it: values, prefixes, and what is nested.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from proofs.harness import api_client, get_json, make_call, simulator_client
from proofs.runner import POLL_SECONDS, wait_for
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack

PAIR = ("+12025550120", "+12025550121")

# What storing two files may take, and after so many reads of nothing all is written.
STORED_SECONDS = 120
QUIET_READS = 20


def patterns() -> list[dict[str, Any]]:
    """Return the patterns by which changes are handed to publish_changes."""
    filters = _source()["FilterCriteria"]["Filters"]
    return [json.loads(each["Pattern"]) for each in filters]


def invokes(record: Mapping[str, Any], among: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a record of the stream matches one of the patterns."""
    return any(_matches(record, each) for each in among)


def changes_of_a_life(stack: RunningStack) -> list[dict[str, Any]]:
    """Let a session be created, called twice and ended; return the table's changes."""
    aws = stack.aws.client("dynamodbstreams")
    table = stack.outputs["TableName"]
    arn = stack.aws.client("dynamodb").describe_table(TableName=table)["Table"][
        "LatestStreamArn"
    ]
    described = aws.describe_stream(StreamArn=arn)["StreamDescription"]
    iterator = aws.get_shard_iterator(
        StreamArn=arn,
        ShardId=described["Shards"][0]["ShardId"],
        ShardIteratorType="LATEST",
    )["ShardIterator"]
    app = f"{stack.addresses.plivo_url}/_sim/inbox/app"
    with api_client(stack) as api, simulator_client(stack) as simulator:
        asked = {
            "first_party": PAIR[0],
            "second_party": PAIR[1],
            "record": True,
            "callback_url": app,
            "recording_callback_url": app,
        }
        made = api.post("/v1/sessions", json=asked).raise_for_status().json()
        path = f"/v1/sessions/{made['session_uuid']}"
        for _ in range(2):
            script = {"from": PAIR[0], "to": made["virtual_number"], "talk_seconds": 5}
            make_call(simulator, script, callbacks_within=30)
        api.patch(path, json={"call_time_limit": 600}).raise_for_status()
        wait_for(
            "recordings to be stored",
            lambda: _are_stored(get_json(api, f"{path}/recordings")),
            STORED_SECONDS,
        )
        api.delete(path).raise_for_status()
    found: list[dict[str, Any]] = []
    quiet = 0
    while quiet < QUIET_READS:
        answer: Any = aws.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        found += answer["Records"]
        quiet = 0 if answer["Records"] else quiet + 1
        time.sleep(POLL_SECONDS)
    return found


def invocations(stack: RunningStack) -> int:
    """Count the invocations of publish_changes so far, by what it has logged."""
    group = stack.log_groups()["publish_changes"]
    pages = stack.aws.client("logs").get_paginator("filter_log_events")
    return sum(
        "changes published" in event["message"]
        for page in pages.paginate(logGroupName=group)
        for event in page["events"]
    )


def _source() -> dict[str, Any]:
    template = read_template(ROOT / "template.yaml")
    function = template["Resources"]["PublishChangesFunction"]["Properties"]
    source: dict[str, Any] = function["Events"]["Changes"]["Properties"]
    return source


def _are_stored(answer: Mapping[str, Any]) -> bool:
    states = [each["status"] for each in answer["objects"]]
    return states == ["stored", "stored"]


def _matches(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            _matches(value.get(name), wanted) for name, wanted in pattern.items()
        )
    return any(_is(value, wanted) for wanted in pattern)


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, str) and value.startswith(wanted["prefix"])
    return bool(value == wanted)
