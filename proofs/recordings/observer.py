"""Observe what became of recordings: objects, items, events, dead letters, alarms."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from masking.domain.recordings import Recording, Status
from proofs.harness import drain, listen_to_alarms, listen_to_bus, services_of
from stack.running import RunningStack

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Observer:
    """Queues that receive what the bus and the alarms say, and what came in them."""

    stack: RunningStack
    events: Counter[str] = field(default_factory=Counter)
    event_ids: dict[str, set[str]] = field(default_factory=dict)
    alarms: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.stores = services_of(self.stack).stores
        self.bucket = self.stack.outputs["BucketName"]
        self.s3 = self.stack.aws.client("s3")
        pattern = {"detail-type": [{"prefix": "recording."}]}
        self._bus_queue = listen_to_bus(self.stack, "observed-events", pattern)
        self._alarm_queue = listen_to_alarms(self.stack, "observed-alarms")

    def is_behind(self, kept: Mapping[str, Recording], files: set[str]) -> bool:
        """Return whether events or alarms of what the table has are on their way."""
        for name, recording in kept.items():
            kinds = {Status.FAILED: "failed", Status.STORED: "stored"}
            kind = kinds.get(recording.status)
            if kind and not self.events[f"recording.{kind} {name}"]:
                return True
            if kind == "failed" and name in files and not self.alarms[name]:
                return True
        return False

    def receive(self) -> None:
        """Receive what the bus and the alarms have said since the last time."""
        for message in drain(self.stack, self._bus_queue):
            body = json.loads(message["Body"])
            detail = body["detail"]
            name = f"{body['detail-type']} {detail['recording_uuid']}"
            ids = self.event_ids.setdefault(name, set())
            # A stream is read at least once: what counts are ids.
            if detail["id"] not in ids:
                ids.add(detail["id"])
                self.events[name] += 1
        for message in drain(self.stack, self._alarm_queue):
            named = UUID.findall(str(json.loads(message["Body"])["Message"]))
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
        """Return the attributes of each recording that is a dead letter; take them."""
        url = self.stack.outputs["RecordingDeadLettersUrl"]
        found: dict[str, Mapping[str, str]] = {}
        for letter in drain(self.stack, url):
            detail = json.loads(letter["Body"])["detail"]
            attributes: dict[str, Any] = letter.get("MessageAttributes", {})
            found[detail["recording_uuid"]] = {
                name: value["StringValue"] for name, value in attributes.items()
            }
        return found
