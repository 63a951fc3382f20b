"""Publish the changes of batches that Lambda has given up on.

A batch of the stream whose function is killed again and again, by its time-out or for
its memory, is given up after the mapping's `MaximumRetryAttempts`. Lambda then sends to
the on-failure destination where in the stream the changes are, and nothing of them
(AWS Lambda developer guide, "Retain discarded records for a DynamoDB event source",
services-dynamodb-errors):

    {"requestContext": {"requestId", "functionArn", "condition":
                        "RetryAttemptsExhausted", "approximateInvokeCount": 101},
     "responseContext": {"statusCode", "executedVersion", "functionError"},
     "version": "1.0", "timestamp": "2026-03-01T12:00:00.000Z",
     "DDBStreamBatchInfo": {
        "shardId": "shardId-00000001573689847184-864758bb",
        "startSequenceNumber": "800000000003126276362",
        "endSequenceNumber": "800000000003126276362",
        "approximateArrivalOfFirstRecord": "2026-03-01T11:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-01T11:00:00Z",
        "batchSize": 1, "streamArn": "arn:aws:dynamodb:...:table/.../stream/..."}}

The stream forgets after a day. So the message is worked off at once, and what can't be
published is parked as `publish_changes` parks it, with what a replay needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from masking.core import telemetry
from masking.storage.change_stream import MOST_DIGITS, ChangeStream, StreamRange, padded

if TYPE_CHECKING:
    from masking.storage.queues import Queue
    from masking.stream.publish_changes import PublishChanges

T = TypeVar("T")

# From this receipt on a batch's changes are parked and not tried: they have killed this
# function as well. The queue moves a message away after as many (`maxReceiveCount`).
LAST_RECEIPT = 3

KILLED = "FunctionKilled"
GONE = "the stream no longer has its changes"


@dataclass(frozen=True)
class KilledBatch:
    """A batch that Lambda gave up on: *size* records, somewhere in a range.

    The mapping works on several batches of one shard at once, each with the records of
    some partitions, so that a range may have records of other batches between its own.
    """

    range: StreamRange
    size: int


@dataclass(frozen=True)
class KilledBatches:
    """Publishes such batches; *dead_letters* returns the queue for what is gone."""

    stream: ChangeStream
    publish_changes: PublishChanges
    dead_letters: Callable[[], Queue]

    def work(self, batch: KilledBatch, body: str, received: int) -> None:
        """Publish or park each change of a batch, whose message is *body*.

        A message that comes for the second time has killed this function: its sessions
        are dealt with from the other end, so that one kills but itself. Records of
        other batches in the range are told again, under the same ids.

        Raises what reading the stream and parking raise.
        """
        found = self.stream.read(batch.range)
        if received >= LAST_RECEIPT:
            for record in found.records:
                self.publish_changes.park(record, KILLED)
        else:
            groups = in_groups(
                found.records, _partition_of, backwards=received % 2 == 0
            )
            for group in groups:
                self.publish_changes.publish_or_park(group)
        if not found.is_whole or len(found.records) < batch.size:
            self._report_lost(batch, body, len(found.records))
        if found.is_whole and len(found.records) == batch.size:
            self.publish_changes.publisher.count(found.records)
        else:
            # Whose records these are is not known; some are counted already.
            telemetry.count("LiveSessionsNotCounted")
        telemetry.logger().info(
            "batch published again", extra={"records": len(found.records)}
        )

    def _report_lost(self, batch: KilledBatch, body: str, left: int) -> None:
        """Put away the message of a batch of which the stream has lost changes."""
        telemetry.count("ChangesLost", max(batch.size - left, 1))
        telemetry.logger().error(
            "changes lost",
            extra={
                "shard": batch.range.shard_id,
                "first": batch.range.first,
                "last": batch.range.last,
                "left": left,
            },
        )
        self.dead_letters().pass_on(body, {"explanation": GONE})


def batch_in(document: Any) -> KilledBatch | None:
    """Return the batch that a message tells of; None if it tells of none."""
    info = document.get("DDBStreamBatchInfo") if isinstance(document, dict) else None
    if not isinstance(info, dict):
        return None
    names = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
    texts = [info.get(name) for name in names]
    if not all(isinstance(text, str) and text for text in texts):
        return None
    wanted = StreamRange(*map(str, texts))
    if not (_is_number(wanted.first) and _is_number(wanted.last)):
        return None
    if padded(wanted.last) < padded(wanted.first):
        return None
    size = info.get("batchSize")
    return KilledBatch(wanted, size if isinstance(size, int) else 1)


def in_groups(
    items: Iterable[T], group_of: Callable[[T], str], *, backwards: bool
) -> list[list[T]]:
    """Group items, each group in the order of its items, groups by their first.

    *backwards* turns the groups around, and not what is in them.
    """
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(group_of(item), []).append(item)
    return list(groups.values())[:: -1 if backwards else 1]


def _partition_of(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["Keys"]["pk"]["S"])


def _is_number(text: str) -> bool:
    """Return whether a text is a sequence number."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
