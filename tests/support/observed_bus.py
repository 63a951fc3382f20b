"""Observe the bus of a stack."""

from __future__ import annotations

import json
from typing import Any

from stack.running import RunningStack
from tests.support.embedded_aws import make_queue, taken


class Observer:
    """Keeps what comes over a stack's bus."""

    def __init__(self, stack: RunningStack) -> None:
        self._sqs: Any = stack.aws.client("sqs")
        self._queue = make_queue(self._sqs, "observed")
        self._seen: list[dict[str, Any]] = []
        arn = self._sqs.get_queue_attributes(
            QueueUrl=self._queue, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        events: Any = stack.aws.client("events")
        self._events, self._bus = events, stack.outputs["BusName"]
        pattern = json.dumps({"source": ["maskline"]})
        names = {"EventBusName": self._bus, "Name": "observed"}
        events.put_rule(**names, EventPattern=pattern)
        events.put_targets(
            EventBusName=self._bus,
            Rule="observed",
            Targets=[{"Id": "observed", "Arn": arn}],
        )

    def of(self, session_uuid: str) -> list[dict[str, Any]]:
        """Return the details of a session's events so far, as they came."""
        return [each["detail"] for each in self.events_of(session_uuid)]

    def events_of(self, session_uuid: str) -> list[dict[str, Any]]:
        """Return the events of a session so far, whole, as they came."""
        self._seen += taken(self._sqs, self._queue)
        return [
            each
            for each in self._seen
            if each["detail"]["session_uuid"] == session_uuid
        ]

    def end(self) -> None:
        """Leave the bus as it was."""
        names = {"EventBusName": self._bus}
        self._events.remove_targets(**names, Rule="observed", Ids=["observed"])
        self._events.delete_rule(**names, Name="observed")
        self._sqs.delete_queue(QueueUrl=self._queue)
