"""From the table's stream: write the links of what is new, publish what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from masking.api.timeline_views import call_view
from masking.core import key_space, numbers, times
from masking.core.errors import StaleStateError
from masking.core.key_space import LINK, Item
from masking.domain import bus_events, session_changes, sessions, timeline, transitions
from masking.domain.bus_events import Event
from masking.domain.plivo_events import RULED
from masking.domain.sessions import Session, Status
from masking.recording.announce import Announcer
from masking.storage import attributes, session_items, timelines
from masking.storage.callbacks import callback_event_from
from masking.stream import item_events, on_callback, pin_guessing
from masking.tenants import live_sessions, tenant_settings

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.domain.timeline import Timeline
    from masking.storage.bus import Bus
    from masking.storage.queues import Queue
    from masking.storage.table import Table, Whole
    from masking.tenants.tenant_settings import TenantSettings


# So often a state is tried to be changed that others change at the same time.
MOST_RACES = 5


@dataclass(frozen=True)
class Publisher:
    """What publishing takes: table, bus, queues, the key of hashes, time.

    *retention_days* is how long recordings are kept that have no rule of their own.
    *wanted* are the types of events that others than our own rules want, `*` is all;
    what neither they nor our rules want is not put on the bus. *settings_of* gives what
    is set for a tenant. So many wrong PINs of a caller in a day as *most_guesses* are
    an event.
    """

    table: Table
    bus: Bus
    checks: Queue
    erasures: Queue
    number_key: bytes
    now: Clock
    retention_days: int = 365
    wanted: frozenset[str] = frozenset({"*"})
    settings_of: Callable[[str], TenantSettings] = tenant_settings.none_of
    most_guesses: int = 5
    _read: dict[str, Whole | None] = field(default_factory=dict)

    def publish(self, record: Mapping[str, Any]) -> None:
        """Deal with one stream record; dealing with it twice does no harm."""
        events = self.events_of(record)
        if events:
            self.bus.put(events)

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Count the live sessions that stream records, each seen once, tell of."""
        live_sessions.count(self.table, self.settings_of, records)

    def events_of(self, record: Mapping[str, Any]) -> list[Event]:
        """Write the links that a stream record calls for; give the events it is."""
        if "NewImage" not in record["dynamodb"]:
            return []
        after = attributes.read_item(record["dynamodb"]["NewImage"])
        before = attributes.read_item(record["dynamodb"].get("OldImage", {}))
        kind = after["sk"].partition("#")[0]
        events: list[Event] = []
        if after["sk"] == key_space.STATE:
            events = self._session_changed(before, after)
        elif kind == "E" and not before:
            events = self._callback_kept(after)
        elif kind == "R":
            events = self._recording_changed(before, after)
        elif kind == key_space.ERASURE:
            events = self._erasure_changed(before, after)
        return [event for event in events if self._is_wanted(event)]

    def _is_wanted(self, event: Event) -> bool:
        by_others = "*" in self.wanted or event.type in self.wanted
        return by_others or event.webhook is not None or event.type in RULED

    def _session_changed(self, before: Item, after: Item) -> list[Event]:
        was = session_items.session_from(before) if before else None
        session = session_items.session_from(after)
        if session_changes.is_newly_in_doubt(was, session):
            over = session.status is Status.EXPIRED
            self.checks.send({"session_uuid": session.session_uuid}, at_once=over)
        if session_changes.may_have_orphans(was, session):
            self._check_orphans(session)
        kinds = session_changes.types_of_change(was, session)
        given_up = session_changes.has_been_given_up(was, session)
        if not (kinds or given_up):
            return []
        whole = self._whole(session.session_uuid)
        if whole and whole.session.erased_at:
            session = replace(session, labels={})
        elif whole:
            session = replace(session, asked=whole.session.asked)
            is_new = (
                session_changes.is_new_at_carrier(was) and session.carrier_session_uuid
            )
            if given_up:
                self._link_parties(session, key_space.attempt_key, session.reserved_at)
            elif is_new or session_changes.has_other_parties(was, session):
                self._link(session, session_changes.linked_since(was, session))
        now = times.stamp(self.now())
        return [bus_events.event_of_session(each, session, now) for each in kinds]

    def _erasure_changed(self, before: Item, after: Item) -> list[Event]:
        """Set an erasure going; tell when it is complete."""
        if not before:
            erasure_id = key_space.owner_of(after)
            self.erasures.send({"erasure_id": erasure_id})
        event = item_events.event_of_erasure(before, after)
        return [event] if event else []

    def _callback_kept(self, item: Item) -> list[Event]:
        whole = self._whole(key_space.owner_of(item))
        if whole is None:
            return []
        session = whole.session
        if session.erased_at or "erased" in item:
            self._callback_of_erased(item, session)
            return []
        self._react(item, session)
        told_of = callback_event_from(item)
        if session_changes.tells_of_another(told_of, session):
            self._check_orphans(session)
        for number in session_changes.strangers_in(told_of, session):
            self._link_caller(number, session, told_of.occurred_at)
        told = timelines.timeline_of(whole.callbacks, session)
        digest = key_space.name_of(item)
        call = told.call_of(digest)
        if call and timeline.may_end_call(digest, call, told):
            self.checks.send({"session_uuid": session.session_uuid, "callback": digest})
        event = bus_events.event_of_callback(
            told_of, session, call_view(call) if call else None
        )
        if event and event.type == "number.replaced":
            self._renumber(session, told)
        if event and event.type in ("recording.announced", "recording.failed"):
            # In the table before it is on the bus: what follows begins there.
            self._announcer().from_callback(item["attributes"], digest, session)
        guessed = pin_guessing.after_callback(
            self.table, self.number_key, self.most_guesses, item, session
        )
        return [each for each in (event, guessed) if each]

    def _callback_of_erased(self, item: Item, session: Session) -> None:
        """See to what a callback of an erased session brings that must go.

        That is a number, if who received it did not know of the erasure yet, or a
        recording at Plivo.
        """
        if session_changes.tells_of_another(callback_event_from(item), session):
            self._check_orphans(session)
        if "erased" not in item or item["kind"] == "recordings":
            self._erase_again(session)

    def _erase_again(self, session: Session) -> None:
        self.erasures.send({"session_uuid": session.session_uuid}, at_once=True)

    def _recording_changed(self, before: Item, after: Item) -> list[Event]:
        whole = self._whole(key_space.owner_of(after))
        going = after["status"] in ("deleting", "deleted") or "held" in after
        if whole and whole.session.erased_at and not going:
            # Announced by somebody who did not know of the erasure.
            self._erase_again(whole.session)
            return []
        event = item_events.event_of_recording(
            after, times.stamp(self.now()), before, whole.session if whole else None
        )
        return [event] if event else []

    def _react(self, item: Item, session: Session | None) -> None:
        """Change the session's state as a callback asks, whoever changes it as well."""
        for _ in range(MOST_RACES):
            if session is None:
                return
            after = on_callback.after_callback(session, item["attributes"], self.now())
            if after is None:
                return
            try:
                return self.table.replace(session, after)
            except StaleStateError:
                session = self.table.load(session.session_uuid)
        message = "the session changes too fast to be ended"
        raise StaleStateError(message)

    def _announcer(self) -> Announcer:
        return Announcer(self.table, self.now, self.retention_days)

    def _check_orphans(self, session: Session) -> None:
        """Let somebody see, once no lease runs, what is at Plivo under our UUID."""
        self.checks.send({"session_uuid": session.session_uuid, "orphans": True})

    def _renumber(self, session: Session, told: Timeline) -> None:
        """Keep the number that the session has now; a stale state is read again."""
        for _ in range(3):
            number = told.virtual_number
            if number is None or session.virtual_number == number:
                return
            try:
                self.table.replace(session, transitions.renumber(session, number))
                return
            except StaleStateError:
                whole = self.table.load_whole(session.session_uuid)
                if whole is None:
                    return
                session = whole.session
                told = timelines.timeline_of(whole.callbacks, session)
        raise StaleStateError

    def _link(self, session: Session, since: datetime) -> None:
        """Make a confirmed session findable: by party, label, Plivo's UUID, tenant.

        One that is to be forgotten gets no link by label: nobody would remove it.
        """
        stays = self._link_parties(session, key_space.party_key, since)
        for label, value in session.labels.items() if stays else ():
            key = key_space.label_key(session.tenant_id, label, value)
            self._link_once(key, session)
        key = key_space.carrier_key(str(session.carrier_session_uuid))
        if not self.table.has_link(key, LINK):
            self.table.link(
                key,
                LINK,
                session_uuid=session.session_uuid,
                **session_items.listing_keys(session),
            )

    def _link_parties(
        self, session: Session, key_of: Callable[[str, str], str], since: datetime
    ) -> bool:
        """Link a session to its parties; say whether it is not to be forgotten."""
        given = {session.settings.get(name) for name in sessions.PARTY_FIELDS.values()}
        hashes = [numbers.hashed(self.number_key, each) for each in given if each]
        more = {} if since == session.reserved_at else {"since": times.stamp(since)}
        for hashed in hashes:
            self._link_once(key_of(session.tenant_id, hashed), session, **more)
        forgotten = [
            self._is_forgotten(session, hashed, times.stamp(since)) for hashed in hashes
        ]
        return not any(forgotten)

    def _link_caller(self, number: str, session: Session, since: str) -> None:
        hashed = numbers.hashed(self.number_key, number)
        key = key_space.caller_key(session.tenant_id, hashed)
        self._link_once(key, session, since=since)
        self._is_forgotten(session, hashed, since)

    def _is_forgotten(self, session: Session, hashed: str, since: str) -> bool:
        """Send a session to be erased that is linked late to a number to be forgotten.

        The link is written before the marker is read, and the marker before the links
        are walked: so whoever comes second sees what the other has written.
        """
        marker = self.table.marker(session.tenant_id, hashed)
        if marker is None or since > marker["at"]:
            return False
        message = {
            "erasure_id": marker["erasure_id"],
            "session_uuid": session.session_uuid,
        }
        self.erasures.send(message, at_once=True)
        return True

    def _link_once(self, key: str, session: Session, **more: str) -> None:
        """Write a link; looking first costs less than writing it again."""
        place = session_items.created_key(session)
        if not self.table.has_link(key, place):
            self.table.link(key, place, **more)

    def _whole(self, session_uuid: str) -> Whole | None:
        """Read a session and its callbacks, once for each batch of records."""
        if session_uuid not in self._read:
            self._read[session_uuid] = self.table.load_whole(session_uuid)
        return self._read[session_uuid]
