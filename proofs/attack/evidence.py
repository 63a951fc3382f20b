"""Gather everything that came out of a stack, except the answers to its callers.

Logs of all functions with their metrics, events on the bus, alarms, messages in every
queue, keys of the table and of the bucket with metadata and tags, and the URLs that
Plivo was asked for: all except its own list by pair, which the design allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from proofs.harness import drain, listen_to_alarms, listen_to_bus
from stack.running import RunningStack

QUEUE = "everything-on-the-bus"
ALARMS = "every-alarm"

SOURCES = {QUEUE: "event on the bus", ALARMS: "alarm"}

# Attributes that place an item in the table or in one of its indexes.
KEYS = ("pk", "sk", "duty_shard", "duty_at", "tenant_sessions", "created_key")

LIST_BY_PAIR = "list"


@dataclass(frozen=True)
class Piece:
    """One piece of evidence: where it came from, and its text."""

    source: str
    text: str


def watch(stack: RunningStack) -> None:
    """Keep every event of the bus and every alarm from now on in queues of our own."""
    listen_to_bus(stack, QUEUE, {"source": ["maskline"]})
    listen_to_alarms(stack, ALARMS)


def gathered(stack: RunningStack, ledger: list[dict[str, Any]]) -> Iterator[Piece]:
    """Yield it all and empty the queues; *ledger* is what Plivo was asked for."""
    yield from logs(stack)
    yield from _queues(stack)
    yield from _table(stack)
    yield from _bucket(stack)
    for entry in ledger:
        if entry["operation"] != LIST_BY_PAIR:
            target = f"{entry['method']} {entry['path']}?{entry['query']}"
            yield Piece("URL requested of Plivo", target)


def logs(stack: RunningStack) -> Iterator[Piece]:
    """Yield every line that a function logged, metrics among them."""
    client = stack.aws.client("logs")
    for folder, group in sorted(stack.log_groups().items()):
        request: dict[str, Any] = {"logGroupName": group}
        while True:
            answer = client.filter_log_events(**request)
            for event in answer["events"]:
                yield Piece(f"log of {folder}", event["message"])
            if not answer.get("nextToken"):
                break
            request["nextToken"] = answer["nextToken"]


def _queues(stack: RunningStack) -> Iterator[Piece]:
    for url in stack.aws.client("sqs").list_queues().get("QueueUrls", []):
        name = url.rpartition("/")[2]
        source = SOURCES.get(name, f"message in {name}")
        for message in drain(stack, url):
            attributes = json.dumps(message.get("MessageAttributes", {}), default=str)
            yield Piece(source, f"{message['Body']} {attributes}")


def _table(stack: RunningStack) -> Iterator[Piece]:
    client = stack.aws.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=stack.outputs["TableName"])
    for page in pages:
        for item in page["Items"]:
            keys = [item[name].get("S", "") for name in KEYS if name in item]
            yield Piece("key in the table", " ".join(keys))


def _bucket(stack: RunningStack) -> Iterator[Piece]:
    client = stack.aws.client("s3")
    bucket = stack.outputs["BucketName"]
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for version in page.get("Versions", []):
            key = version["Key"]
            yield Piece("key in the bucket", key)
            # One that is a version behind a deletion has neither.
            with suppress(client.exceptions.ClientError):
                head = client.head_object(Bucket=bucket, Key=key)
                tags = client.get_object_tagging(Bucket=bucket, Key=key)
                headers = head["ResponseMetadata"]["HTTPHeaders"]
                shown = [head["Metadata"], headers, tags["TagSet"]]
                text = json.dumps(shown, default=str)
                yield Piece("metadata in the bucket", text)
