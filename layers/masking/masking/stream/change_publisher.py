"""Publish one record of the table's stream, by the kind of its item.

| item      | reaction            |
|-----------|---------------------|
| session   | `session_changed`   |
| callback  | `callback_kept`     |
| recording | `recording_changed` |
| erasure   | `erasure_changed`   |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.core import key_space
from masking.domain import bus_events
from masking.domain.bus_events import Event
from masking.domain.plivo_events import RULED
from masking.storage.table import read_item
from masking.tenants import live_sessions

if TYPE_CHECKING:
    from masking.storage.bus import Bus
    from masking.storage.stores import Stores
    from masking.stream.callback_kept import CallbackKept
    from masking.stream.erasure_changed import ErasureChanged
    from masking.stream.recording_changed import RecordingChanged
    from masking.stream.session_changed import SessionChanged
    from masking.tenants.tenant_settings import TenantSettings


@dataclass(frozen=True)
class ChangePublisher:
    """Publishes changes; made anew for each batch, of which it reads a session once.

    *wanted* are the types of events that others than our own rules want, `*` is all;
    what neither they nor our rules want is not put on the bus.
    """

    stores: Stores
    bus: Bus
    session_changed: SessionChanged
    callback_kept: CallbackKept
    recording_changed: RecordingChanged
    erasure_changed: ErasureChanged
    settings_of: Callable[[str], TenantSettings]
    wanted: frozenset[str]

    def publish(self, record: Mapping[str, Any]) -> None:
        """Deal with one stream record; dealing with it twice does no harm."""
        events = self.events_of(record)
        if events:
            self.bus.put(events)

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Count the live sessions by stream records, each of them seen once."""
        live_sessions.count(self.stores, self.settings_of, records)

    def events_of(self, record: Mapping[str, Any]) -> list[Event]:
        """Do what a stream record calls for; return the events that it is."""
        if "NewImage" not in record["dynamodb"]:
            return []
        after = read_item(record["dynamodb"]["NewImage"])
        before = read_item(record["dynamodb"].get("OldImage", {}))
        place = record["dynamodb"].get("SequenceNumber")
        events: list[Event] = []
        if after["sk"] == key_space.STATE:
            events = self.session_changed.events_of(before, after)
        elif key_space.is_part(key_space.CALLBACK, after) and not before:
            events = self.callback_kept.events_of(after, place)
        elif key_space.is_part(key_space.RECORDING, after):
            events = self.recording_changed.events_of(before, after)
        elif after["sk"] == key_space.ERASURE:
            events = self.erasure_changed.events_of(before, after)
        found = bus_events.numbered(events, place)
        return [event for event in found if self._is_wanted(event)]

    def _is_wanted(self, event: Event) -> bool:
        by_others = "*" in self.wanted or event.type in self.wanted
        return by_others or event.webhook is not None or event.type in RULED
