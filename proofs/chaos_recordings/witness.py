"""See what became of recordings: objects, items, events, dead letters, alarms."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from masking.domain.recordings import Recording, Status
from masking.storage.stores import Stores
from stack.aws.listeners import listening_queue
from stack.running import RunningStack

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

LISTENER = "witness"


@dataclass
class Witness:
    """Who sees: queues of its own that hear the bus and the alarms."""

    stack: RunningStack
    events: Counter[str] = field(default_factory=Counter)
    event_ids: dict[str, set[str]] = field(default_factory=dict)
    alarms: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        aws = self.stack.aws
        self.stores = self.table_of(self.stack)
        self.bucket = self.stack.outputs["BucketName"]
        self.s3 = aws.client("s3")
        self._queues = aws.client("sqs")
        self._bus_queue = self._listen_to_bus()
        self._alarm_queue = self._listen_to_alarms()

    @staticmethod
    def table_of(stack: RunningStack) -> Stores:
        """Return the table of a stack."""
        return Stores(stack.aws.client("dynamodb"), stack.outputs["TableName"])

    def is_behind(self, kept: Mapping[str, Recording], files: set[str]) -> bool:
        """Say whether events or alarms of what the table has are still on their way."""
        for name, recording in kept.items():
            kinds = {Status.FAILED: "failed", Status.STORED: "stored"}
            kind = kinds.get(recording.status)
            if kind and not self.events[f"recording.{kind} {name}"]:
                return True
            if kind == "failed" and name in files and not self.alarms[name]:
                return True
        return False

    def hear(self) -> None:
        """Take what the bus and the alarms have said since the last time."""
        for body in self._take(self._bus_queue):
            detail = body["detail"]
            name = f"{body['detail-type']} {detail['recording_uuid']}"
            ids = self.event_ids.setdefault(name, set())
            # A stream is read at least once: what counts are ids.
            if detail["id"] not in ids:
                ids.add(detail["id"])
                self.events[name] += 1
        for body in self._take(self._alarm_queue):
            named = UUID.findall(str(body["Message"]))
            self.alarms[named[0] if named else "nothing"] += 1

    def kept(self, sessions: list[str]) -> dict[str, Recording]:
        """Return the items of all recordings of these sessions."""
        return {
            recording.recording_uuid: recording
            for session_uuid in sessions
            for recording in self.stores.recordings.of_session(session_uuid)
        }

    def objects(self) -> Counter[str]:
        """Return how many versions each object has in the bucket."""
        found: Counter[str] = Counter()
        pages = self.s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket, Prefix="recordings/"):
            entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            found.update(entry["Key"] for entry in entries)
        return found

    def digest(self, key: str) -> tuple[int, str]:
        """Return bytes and SHA-256 of an object, read piece by piece."""
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"]
        size, digest = 0, hashlib.sha256()
        for piece in body.iter_chunks(1 << 20):
            size += len(piece)
            digest.update(piece)
        return size, digest.hexdigest()

    def dead_letters(self) -> dict[str, Mapping[str, str]]:
        """Return the reason of each recording that is a dead letter."""
        url = self.stack.outputs["RecordingDeadLettersUrl"]
        found: dict[str, Mapping[str, str]] = {}
        while True:
            answer = self._queues.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=120,
                MessageAttributeNames=["All"],
            )
            letters = answer.get("Messages", [])
            if not letters:
                return found
            for letter in letters:
                detail = json.loads(letter["Body"])["detail"]
                attributes = letter.get("MessageAttributes", {})
                found[detail["recording_uuid"]] = {
                    name: value["StringValue"] for name, value in attributes.items()
                }

    def _take(self, url: str) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        while True:
            answer = self._queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return taken
            for message in messages:
                taken.append(json.loads(message["Body"]))
                self._queues.delete_message(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                )

    def _listen_to_bus(self) -> str:
        url, arn = listening_queue(self.stack.aws, f"{LISTENER}-events")
        bus = self.stack.aws.client("events")
        bus.put_rule(
            Name=LISTENER,
            EventBusName=self.stack.outputs["BusName"],
            EventPattern=json.dumps({"detail-type": [{"prefix": "recording."}]}),
        )
        bus.put_targets(
            Rule=LISTENER,
            EventBusName=self.stack.outputs["BusName"],
            Targets=[{"Id": LISTENER, "Arn": arn}],
        )
        return url

    def _listen_to_alarms(self) -> str:
        url, arn = listening_queue(self.stack.aws, f"{LISTENER}-alarms")
        self.stack.aws.client("sns").subscribe(
            TopicArn=self.stack.outputs["AlarmsTopicArn"], Protocol="sqs", Endpoint=arn
        )
        return url
