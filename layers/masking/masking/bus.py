"""Put events on the bus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from masking.errors import EventsNotTakenError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from masking.changes import Event

SOURCE = "maskline"

# The limit of one PutEvents request.
MOST_ENTRIES = 10


class Bus:
    """The EventBridge bus *name*."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, events: Sequence[Event]) -> None:
        """Publish *events*. Raises EventsNotTakenError if the bus left some out."""
        for entries in self._batches(events):
            answer = self._client.put_events(Entries=entries)
            if answer["FailedEntryCount"]:
                codes = {entry.get("ErrorCode", "") for entry in answer["Entries"]}
                message = f"the bus refused events: {sorted(filter(None, codes))}"
                raise EventsNotTakenError(message)

    def _batches(
        self, events: Sequence[Event]
    ) -> Iterator[list[PutEventsRequestEntryTypeDef]]:
        for start in range(0, len(events), MOST_ENTRIES):
            yield [
                {
                    "Source": SOURCE,
                    "DetailType": event.type,
                    "Detail": json.dumps(event.detail(), separators=(",", ":")),
                    "EventBusName": self._name,
                }
                for event in events[start : start + MOST_ENTRIES]
            ]
