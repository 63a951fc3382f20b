"""Publish changes that were parked: as they were, in the order in which they came.

A message that is received again may have killed this function with all that came with
it. So the sessions of such a batch are dealt with from alternate ends, and each message
is deleted once it is done: what kills is left alone, and goes to the dead letters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import key_space, telemetry
from masking.domain import bus_events
from masking.stream.killed_batches import batch_in, in_groups
from masking.stream.parked_changes import record_of

if TYPE_CHECKING:
    from masking.domain.sessions import Session
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores
    from masking.stream.change_publisher import ChangePublisher
    from masking.stream.killed_batches import KilledBatches

# Of a message without a place in the stream.
FIRST = ""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """A message and how it is worked off: *group* by *group*, each by its *place*."""

    message: Message
    group: str
    place: str
    work: Callable[[], None]


@dataclass(frozen=True)
class RepublishChanges:
    """Publishes what a redrive sends back; *number_key* is what it was hashed with.

    *queue* returns the queue that the messages come from.
    """

    stores: Stores
    publisher: ChangePublisher
    killed_batches: KilledBatches
    queue: Callable[[], Queue]
    number_key: bytes

    def work_all(
        self, messages: Sequence[Message], has_time: Callable[[], bool] = lambda: True
    ) -> list[str]:
        """Publish the changes of a batch in order; return the ids that come again.

        What follows a change that fails, of the same session, comes again with it; so
        does all that is not begun while the function *has_time*.
        """
        received = max(map(_received, messages), default=1)
        tasks: list[Task] = []
        failed: list[str] = []
        for message in messages:
            task = self._task(message)
            if task:
                tasks.append(task)
            else:
                telemetry.logger().error("change not published, none is named")
                failed.append(message["messageId"])
        tasks.sort(key=lambda task: (task.group, task.place))
        for group in in_groups(
            tasks, lambda task: task.group, backwards=received % 2 == 0
        ):
            failed += self._work_group(group, has_time, is_again=received > 1)
        return failed

    def _work_group(
        self, group: Sequence[Task], has_time: Callable[[], bool], *, is_again: bool
    ) -> list[str]:
        """Work tasks off in order until one fails; return the ids that come again."""
        for index, task in enumerate(group):
            if not has_time():
                return [each.message["messageId"] for each in group[index:]]
            try:
                task.work()
            except Exception as error:
                telemetry.logger().error(
                    "change not published", extra={"error": type(error).__name__}
                )
                return [each.message["messageId"] for each in group[index:]]
            if is_again:
                # If that fails it comes again, and is told again under its ids.
                with suppress(BotoCoreError, ClientError):
                    self.queue().delete(task.message["receiptHandle"])
        return []

    def _task(self, message: Message) -> Task | None:
        """Return how a message is worked off; None if it names no change."""
        document = _read(message["body"])
        batch = batch_in(document)
        if batch:
            place = f"{batch.range.shard_id} {batch.range.first:0>40}"
            received = _received(message)
            return Task(
                message,
                place,
                place,
                lambda: self.killed_batches.work(batch, message["body"], received),
            )
        if not _names_change(document):
            return None
        parked = {"was": None, **document}
        return Task(message, parked["pk"], _place(parked), lambda: self.work(parked))

    def work(self, parked: Mapping[str, Any]) -> None:
        """Publish one change again. Raises what publishing raises."""
        if parked.get("events"):
            self._put_events(parked)
        else:
            self._publish(parked)
        owner = key_space.owner_of(parked)
        is_of_session = parked["pk"] == key_space.session_key(owner)
        telemetry.logger().info(
            "change published again",
            extra={
                "reason": parked["reason"],
                "session_uuid": owner if is_of_session else None,
            },
        )

    def _put_events(self, parked: Mapping[str, Any]) -> None:
        """Put events on the bus that it had refused, but what an erasure took since."""
        events = [bus_events.event_in(each) for each in parked["events"]]
        session = self._session_of(parked)
        if session and session.erased_at:
            left = (bus_events.without_person(event) for event in events)
            events = [event for event in left if event]
        if events:
            self.publisher.bus.put(events)

    def _publish(self, parked: Mapping[str, Any]) -> None:
        image = self.stores.table.stream_image(parked["pk"], parked["sk"])
        if not image and not parked.get("new"):
            return
        settings: Mapping[str, Any] = {}
        if parked.get("new") and parked["sk"] == key_space.STATE:
            uuid = key_space.owner_of(parked)
            whole = self.stores.sessions.load_whole(uuid) if image else None
            settings = whole.session.settings if whole else {}
        self.publisher.publish(
            record_of(parked, image or {}, settings, self.number_key)
        )

    def _session_of(self, parked: Mapping[str, Any]) -> Session | None:
        """Return the session in whose partition a change was; None if it is gone."""
        if parked["pk"] != key_space.session_key(key_space.owner_of(parked)):
            return None
        return self.stores.sessions.load(key_space.owner_of(parked))


# What a message has that names a change.
NAMED = ("pk", "sk", "reason")


def _names_change(document: Any) -> bool:
    return isinstance(document, dict) and all(
        isinstance(document.get(name), str) for name in NAMED
    )


def _read(body: str) -> Any:
    """Return a message's JSON; None for one that is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _received(message: Message) -> int:
    """Return how often a message was received, this time included."""
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _place(parked: Mapping[str, Any]) -> str:
    """Return what sorts the parked changes of a session: by place in the stream."""
    return f"{parked.get('place') or FIRST!s:0>{bus_events.PLACE_DIGITS}}"
