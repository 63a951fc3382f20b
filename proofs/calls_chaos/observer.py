"""Observe the events of calls: on the bus, and at the app's webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proofs.calls_chaos.checks import CORRECTED, ENDED
from proofs.harness import drain, listen_to_bus, messages_in
from proofs.http_listener import HttpListener
from stack.running import RunningStack

Events = dict[str, dict[str, Mapping[str, Any]]]


@dataclass
class Observer:
    """What the bus and *app*, the app's server, were told, by session and by id."""

    stack: RunningStack
    app: HttpListener
    bus: Events = field(default_factory=dict)
    webhooks: Events = field(default_factory=dict)
    _read: int = 0

    def __post_init__(self) -> None:
        pattern = {"detail-type": [ENDED, CORRECTED]}
        self._queue = listen_to_bus(self.stack, "observed-calls", pattern)

    def receive(self) -> None:
        """Receive what came since the last time; an id counts once."""
        for message in drain(self.stack, self._queue):
            _keep(self.bus, json.loads(message["Body"])["detail"])
        coming = self.app.requests[self._read :]
        self._read += len(coming)
        for request in coming:
            _keep(self.webhooks, request.document)

    def is_behind(self) -> bool:
        """Return whether events that are on the bus have not come to the app yet."""
        self.receive()
        on_bus, at_app = (
            {name for ids in events.values() for name in ids}
            for events in (self.bus, self.webhooks)
        )
        return bool(on_bus - at_app) or messages_in(self.stack, self._queue) > 0

    def hasten_checks(self, seconds: int) -> None:
        """Let what is looked at once more be looked at after *seconds*, not 75."""
        url = self.stack.outputs["CheckQueueUrl"]
        self.stack.aws.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"DelaySeconds": str(seconds)}
        )

    def has_checks_left(self) -> bool:
        """Return whether something is still to be looked at once more."""
        return messages_in(self.stack, self.stack.outputs["CheckQueueUrl"]) > 0


def _keep(events: Events, detail: Mapping[str, Any]) -> None:
    if detail["type"] in (ENDED, CORRECTED):
        events.setdefault(detail["session_uuid"], {})[detail["id"]] = detail
