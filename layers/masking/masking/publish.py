"""From the table's stream: write the links of what is new, publish what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from masking import changes, endings, items, numbers, sessions, story
from masking.changes import Event
from masking.errors import StaleStateError
from masking.events import INTERNAL
from masking.items import LINK, Item
from masking.sessions import Session, Status

if TYPE_CHECKING:
    from masking.bus import Bus
    from masking.fold import Story
    from masking.queue import Queue
    from masking.table import Table, Whole
    from masking.wiring import Clock


@dataclass(frozen=True)
class Publisher:
    """What publishing takes: table, bus, queue of checks, the key of hashes, time.

    *wanted* are the types of events that others than our own rules want, `*` is all;
    what neither they nor our rules want is not put on the bus.
    """

    table: Table
    bus: Bus
    checks: Queue
    number_key: bytes
    now: Clock
    wanted: frozenset[str] = frozenset({"*"})
    _read: dict[str, Whole | None] = field(default_factory=dict)

    def publish(self, record: Mapping[str, Any]) -> None:
        """Deal with one stream record; dealing with it twice does no harm."""
        events = self.events_of(record)
        if events:
            self.bus.put(events)

    def events_of(self, record: Mapping[str, Any]) -> list[Event]:
        """Write the links that a stream record calls for; give the events it is."""
        if "NewImage" not in record["dynamodb"]:
            return []
        after = items.read(record["dynamodb"]["NewImage"])
        before = items.read(record["dynamodb"].get("OldImage", {}))
        kind = after["sk"].partition("#")[0]
        if after["sk"] == items.STATE:
            event = self._session_changed(before, after)
        elif kind == "E" and not before:
            event = self._callback_kept(after)
        elif kind == "R" and before.get("status") != after["status"]:
            event = self._recording_changed(after)
        else:
            event = None
        return [event] if event and self._is_wanted(event) else []

    def _is_wanted(self, event: Event) -> bool:
        by_others = "*" in self.wanted or event.type in self.wanted
        return by_others or event.webhook is not None or event.type in INTERNAL

    def _session_changed(self, before: Item, after: Item) -> Event | None:
        was = items.session_from(before) if before else None
        session = items.session_from(after)
        if changes.is_newly_in_doubt(was, session):
            self.checks.send({"session_uuid": session.session_uuid})
        kind = changes.type_of_change(was, session)
        if kind is None:
            return None
        whole = self._whole(session.session_uuid)
        if whole:
            asked, labels = whole.session.asked, whole.session.labels
            session = replace(session, asked=asked, labels=labels)
        if changes.is_new_at_carrier(was) or kind == "session.updated":
            self._link(session)
        return changes.event_of_session(kind, session, items.stamp(self.now()))

    def _callback_kept(self, item: Item) -> Event | None:
        whole = self._whole(item["pk"].removeprefix("S#"))
        if whole is None:
            return None
        session = whole.session
        if session.status is Status.RESERVED:
            # It shows that Plivo has the session, whatever became of our create.
            self.checks.send({"session_uuid": session.session_uuid})
        for number in changes.strangers_in(item, session):
            key = items.caller_key(
                session.tenant_id, numbers.hashed(self.number_key, number)
            )
            self._link_once(key, session)
        told = story.story_of(whole.callbacks, changes.parties_of(session))
        digest = item["sk"].removeprefix("E#")
        call = told.call_of(digest)
        if call and endings.may_end(digest, call, told):
            self.checks.send({"session_uuid": session.session_uuid, "callback": digest})
        event = changes.event_of_callback(item, session, call)
        if event and event.type == "number.replaced":
            self._renumber(session, told)
        if event and event.type == "recording.announced":
            key = items.recording_key(event.data["recording_uuid"])
            self.table.link(key, LINK, session_uuid=session.session_uuid)
        return event

    def _recording_changed(self, item: Item) -> Event | None:
        whole = self._whole(item["pk"].removeprefix("S#"))
        return changes.event_of_recording(
            item, items.stamp(self.now()), whole.session if whole else None
        )

    def _renumber(self, session: Session, told: Story) -> None:
        """Keep the number that the session has now; a stale state is read again."""
        for _ in range(3):
            number = told.virtual_number
            if number is None or session.virtual_number == number:
                return
            try:
                self.table.replace(session, sessions.renumber(session, number))
                return
            except StaleStateError:
                whole = self.table.load_whole(session.session_uuid)
                if whole is None:
                    return
                session = whole.session
                told = story.story_of(whole.callbacks, changes.parties_of(session))
        raise StaleStateError

    def _link(self, session: Session) -> None:
        """Make a confirmed session findable: by party, label, Plivo's UUID, tenant."""
        for name in changes.PARTIES.values():
            number = session.settings.get(name)
            if number:
                key = items.party_key(
                    session.tenant_id, numbers.hashed(self.number_key, number)
                )
                self._link_once(key, session)
        for label, value in session.labels.items():
            key = items.label_key(session.tenant_id, label, value)
            self._link_once(key, session)
        key = items.carrier_key(str(session.carrier_session_uuid))
        if not self.table.has_link(key, LINK):
            self.table.link(
                key,
                LINK,
                session_uuid=session.session_uuid,
                **items.listing_keys(session),
            )

    def _link_once(self, key: str, session: Session) -> None:
        """Write a link; looking first costs less than writing it again."""
        place = items.created_key(session)
        if not self.table.has_link(key, place):
            self.table.link(key, place)

    def _whole(self, session_uuid: str) -> Whole | None:
        """Read a session and its callbacks, once for each batch of records."""
        if session_uuid not in self._read:
            self._read[session_uuid] = self.table.load_whole(session_uuid)
        return self._read[session_uuid]
