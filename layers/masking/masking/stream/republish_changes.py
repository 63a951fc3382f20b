"""Publish changes that were parked: as they were, in the order in which they came."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.core import key_space, telemetry
from masking.domain import bus_events
from masking.stream.parked_changes import record_of

if TYPE_CHECKING:
    from masking.domain.sessions import Session
    from masking.storage.stores import Stores
    from masking.stream.change_publisher import ChangePublisher

# Of a message without a place in the stream.
FIRST = ""


@dataclass(frozen=True)
class RepublishChanges:
    """Publishes what a redrive sends back; *number_key* is what it was hashed with."""

    stores: Stores
    publisher: ChangePublisher
    number_key: bytes

    def work_all(self, messages: Sequence[Mapping[str, Any]]) -> list[str]:
        """Publish the changes of a batch in order; return the ids that come again.

        What follows a change that fails, of the same session, comes again with it.
        """
        changes: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        failed: list[str] = []
        for message in messages:
            parked = _read(message["body"])
            if parked is None:
                # Of a function that was killed Lambda tells no change.
                telemetry.logger().error("change not published, none is named")
                failed.append(message["messageId"])
            else:
                changes.append((parked, message))
        stuck: set[str] = set()
        for parked, message in sorted(changes, key=lambda each: in_order(each[0])):
            if parked["pk"] not in stuck:
                try:
                    self.work(parked)
                    continue
                except Exception as error:
                    stuck.add(parked["pk"])
                    telemetry.logger().error(
                        "change not published", extra={"error": type(error).__name__}
                    )
            failed.append(message["messageId"])
        return failed

    def work(self, parked: Mapping[str, Any]) -> None:
        """Publish one change again. Raises what publishing raises."""
        if parked.get("events"):
            self._put_events(parked)
        else:
            self._publish(parked)
        telemetry.logger().info(
            "change published again", extra={"reason": parked["reason"]}
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


def _read(body: str) -> Mapping[str, Any] | None:
    """Return a parked change; None for a message that names none."""
    try:
        parked = json.loads(body)
    except ValueError:
        return None
    named = isinstance(parked, dict) and {"pk", "sk", "reason"} <= parked.keys()
    return {"was": None, **parked} if named else None


def in_order(parked: Mapping[str, Any]) -> tuple[str, str]:
    """Return what sorts parked changes: by session, then by place in the stream."""
    return parked["pk"], f"{parked.get('place') or FIRST:0>{bus_events.PLACE_DIGITS}}"
