"""Publish a batch of the table's stream: nothing is lost, nothing blocks the rest.

What fails because AWS fails comes again, with all that follows it in its shard. What
fails by itself, or has failed for long, is parked: its key and the reason go to a
queue, and the redrive reads the table again (the stream forgets after a day).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry
from masking.core.errors import EventsNotTakenError
from masking.storage.bus import FOR_EVER

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.domain.bus_events import Event
    from masking.storage.queues import Queue
    from masking.stream.change_publisher import ChangePublisher


# How long a record may hold up its shard.
PATIENCE = timedelta(minutes=15)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class PublishChanges:
    """Publishes batches; *parked* returns the queue for what can't be published."""

    publisher: ChangePublisher
    parked: Callable[[], Queue]
    now: Clock

    def relay(self, records: Sequence[Record]) -> str | None:
        """Deal with records in order; return the first that must come again, if any."""
        found: list[tuple[int, Event]] = []
        stop = len(records)
        for index, record in enumerate(records):
            try:
                events = self.publisher.events_of(record)
            except Exception as error:
                if self._comes_again(record, error):
                    stop = index
                    break
                continue
            found += [(index, event) for event in events]
        for index, code in self._publish(found):
            if code in FOR_EVER or self._is_old(records[index]):
                self._park(records[index], code)
            else:
                stop = min(stop, index)
        # The others come again, and are counted then.
        self.publisher.count(records[:stop])
        if stop == len(records):
            return None
        return str(records[stop]["dynamodb"]["SequenceNumber"])

    def _publish(self, found: Sequence[tuple[int, Event]]) -> list[tuple[int, str]]:
        """Put events on the bus; return index and reason of each that was refused."""
        if not found:
            return []
        refused = self.publisher.bus.offer([event for _, event in found])
        return [(found[at][0], code) for at, code in refused.items()]

    def _comes_again(self, record: Record, error: Exception) -> bool:
        if is_passing(error) and not self._is_old(record):
            telemetry.logger().error(
                "change not published", extra={"error": _code_of(error)}
            )
            return True
        self._park(record, _code_of(error))
        return False

    def _park(self, record: Record, reason: str) -> None:
        keys = record["dynamodb"]["Keys"]
        was = record["dynamodb"].get("OldImage", {}).get("status", {})
        telemetry.count("ChangeParked")
        telemetry.logger().error("change parked", extra={"reason": reason})
        self.parked().send(
            {
                "pk": keys["pk"]["S"],
                "sk": keys["sk"]["S"],
                "reason": reason,
                "was": was.get("S"),
                "place": record["dynamodb"].get("SequenceNumber"),
            }
        )

    def _is_old(self, record: Record) -> bool:
        written = record["dynamodb"].get("ApproximateCreationDateTime")
        if written is None:
            return False
        at = datetime.fromtimestamp(float(written), UTC)
        return self.now() - at > PATIENCE


def is_passing(error: Exception) -> bool:
    """Return whether a later try may succeed without any change of ours."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in FOR_EVER
    return isinstance(error, (BotoCoreError, EventsNotTakenError))


def _code_of(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
