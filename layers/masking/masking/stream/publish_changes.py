"""Publish a batch of the table's stream: nothing is lost, nothing blocks the rest.

What fails because AWS fails comes again, with all that follows it in its shard. What
fails by itself, or has failed for long, is parked with what its replay needs (see
`parked_changes`): the events that the bus refused, or both images.
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
from masking.stream import parked_changes

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.domain.bus_events import Event
    from masking.storage.queues import Queue
    from masking.stream.change_publisher import ChangePublisher


# How long a record may hold up its shard.
PATIENCE = timedelta(minutes=15)

# What the template's RecordingAnnouncedRule takes; WebhookRule takes what has a URL.
OF_RECORDINGS = frozenset({"recording.announced", "recording.deleting"})

Record = Mapping[str, Any]


@dataclass(frozen=True)
class PublishChanges:
    """Publishes batches; *parked* returns the queue for what can't be published.

    *number_key* hashes what is parked and could say who it is about.
    """

    publisher: ChangePublisher
    parked: Callable[[], Queue]
    number_key: bytes
    now: Clock

    def relay(
        self, records: Sequence[Record], has_time: Callable[[], bool] = lambda: True
    ) -> str | None:
        """Deal with records in order; return the first that must come again, if any.

        That is the first that is not begun because the function no longer *has_time*,
        if none is before it. What follows that one comes again as well, so nothing of
        it is parked now.
        """
        stop = self._deal_with(records, self._is_old, has_time)
        telemetry.note(records=len(records), done=stop)
        # The others come again, and are counted then.
        self.publisher.count(records[:stop])
        if stop == len(records):
            return None
        return str(records[stop]["dynamodb"]["SequenceNumber"])

    def publish_or_park(self, records: Sequence[Record]) -> None:
        """Deal with records that don't come again: what fails is parked.

        Their live sessions are not counted. Raises what parking raises.
        """
        self._deal_with(records, lambda _: True)

    def park(self, record: Record, reason: str, events: Sequence[Event] = ()) -> None:
        """Park a record that can't be published; *events* are what the bus refused."""
        telemetry.count("ChangeParked")
        telemetry.logger().error("change parked", extra={"reason": reason})
        message = parked_changes.parked_of(record, reason, self.number_key, events)
        self.parked().send(message)

    def _deal_with(
        self,
        records: Sequence[Record],
        is_last: Callable[[Record], bool],
        has_time: Callable[[], bool] = lambda: True,
    ) -> int:
        """Publish or park records until one must come again; return its index.

        *is_last* tells whether a record is parked although it might succeed later.
        """
        found: list[tuple[int, Event]] = []
        broken: dict[int, str] = {}
        stop = len(records)
        for index, record in enumerate(records):
            if not has_time():
                stop = index
                break
            try:
                found += [(index, each) for each in self.publisher.events_of(record)]
            except Exception as error:
                if is_passing(error) and not is_last(record):
                    telemetry.logger().error(
                        "change not published", extra={"error": _code_of(error)}
                    )
                    stop = index
                    break
                broken[index] = _code_of(error)
        telemetry.note(
            events=len(found),
            sessions=sorted({e.session_uuid for _, e in found if e.session_uuid}),
        )
        refused = self._publish(found)
        for index, left in refused.items():
            passes = any(code not in FOR_EVER for _, code in left)
            if passes and not is_last(records[index]):
                stop = min(stop, index)
        for index in sorted(broken.keys() | refused.keys()):
            if index < stop:
                left = refused.get(index, [])
                reason = broken.get(index) or left[0][1]
                self.park(records[index], reason, [event for event, _ in left])
        return stop

    def _publish(
        self, found: Sequence[tuple[int, Event]]
    ) -> dict[int, list[tuple[Event, str]]]:
        """Put events on the bus; return those of each record that were refused."""
        if not found:
            return {}
        codes = self.publisher.bus.offer([event for _, event in found])
        _count_for_rules(
            [each for at, (_, each) in enumerate(found) if at not in codes]
        )
        refused: dict[int, list[tuple[Event, str]]] = {}
        for at in sorted(codes):
            index, event = found[at]
            refused.setdefault(index, []).append((event, codes[at]))
        return refused

    def _is_old(self, record: Record) -> bool:
        written = record["dynamodb"].get("ApproximateCreationDateTime")
        if written is None:
            return False
        at = datetime.fromtimestamp(float(written), UTC)
        return self.now() - at > PATIENCE


def _count_for_rules(taken: Sequence[Event]) -> None:
    """Count what our own rules are to hand on: an alarm rings if nobody gets it."""
    webhooks = sum(event.webhook is not None for event in taken)
    recordings = sum(event.type in OF_RECORDINGS for event in taken)
    if webhooks:
        telemetry.count("EventsForWebhooks", webhooks)
    if recordings:
        telemetry.count("EventsForRecordings", recordings)


def is_passing(error: Exception) -> bool:
    """Return whether a later try may succeed without any change of ours."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in FOR_EVER
    return isinstance(error, (BotoCoreError, EventsNotTakenError))


def _code_of(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
