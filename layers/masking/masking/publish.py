"""From the table's stream: write the links of what is new, publish what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from masking import changes, items, numbers, reactions
from masking.announce import Announcer
from masking.changes import Event
from masking.errors import StaleStateError
from masking.items import LINK, Item
from masking.sessions import Session, Status

if TYPE_CHECKING:
    from masking.bus import Bus
    from masking.queue import Queue
    from masking.table import Table
    from masking.wiring import Clock

# So often a state is tried to be changed that others change at the same time.
MOST_RACES = 5


@dataclass(frozen=True)
class Publisher:
    """What publishing takes: table, bus, queue of checks, the key of hashes, time.

    *retention_days* is how long recordings are kept that have no rule of their own.
    """

    table: Table
    bus: Bus
    checks: Queue
    number_key: bytes
    now: Clock
    retention_days: int = 365
    _sessions: dict[str, Session] = field(default_factory=dict)

    def publish(self, record: Mapping[str, Any]) -> None:
        """Deal with one stream record; dealing with it twice does no harm."""
        if "NewImage" not in record["dynamodb"]:
            return
        after = items.read(record["dynamodb"]["NewImage"])
        before = items.read(record["dynamodb"].get("OldImage", {}))
        kind = after["sk"].partition("#")[0]
        event: Event | None = None
        if after["sk"] == items.STATE:
            self._session_changed(before, after)
        elif kind == "E" and not before:
            event = self._callback_kept(after)
        elif kind == "R":
            at = items.stamp(self.now())
            event = changes.event_of_recording(after, at, before)
        if event:
            self.bus.put([event])

    def _session_changed(self, before: Item, after: Item) -> None:
        was = items.session_from(before) if before else None
        session = items.session_from(after)
        if changes.is_newly_in_doubt(was, session):
            over = session.status is Status.EXPIRED
            self.checks.send({"session_uuid": session.session_uuid}, at_once=over)
        if changes.may_have_orphans(was, session):
            self._check_orphans(session)
        kinds = changes.types_of_change(was, session)
        if not kinds:
            return
        session = replace(session, asked=self._loaded(session).asked)
        is_new = changes.is_new_at_carrier(was) and session.carrier_session_uuid
        if is_new or changes.has_other_parties(was, session):
            self._link(session)
        now = items.stamp(self.now())
        self.bus.put([changes.event_of_session(each, session, now) for each in kinds])

    def _callback_kept(self, item: Item) -> Event | None:
        session = self.table.load(item["pk"].removeprefix("S#"))
        if session is None:
            return None
        self._react(item, session)
        if changes.tells_of_another(item, session):
            self._check_orphans(session)
        for number in changes.strangers_in(item, session):
            key = items.caller_key(
                session.tenant_id, numbers.hashed(self.number_key, number)
            )
            self._link_once(key, session)
        event = changes.event_of_callback(item, session)
        if event and event.type in ("recording.announced", "recording.failed"):
            # In the table before it is on the bus: what follows begins there.
            self._announcer().from_callback(
                item["attributes"], event.data["callback"], session
            )
        return event

    def _react(self, item: Item, session: Session | None) -> None:
        """Change the session's state as a callback asks, whoever changes it as well."""
        for _ in range(MOST_RACES):
            if session is None:
                return
            after = reactions.after_callback(session, item["attributes"], self.now())
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

    def _loaded(self, session: Session) -> Session:
        """Read what was asked for, once for each batch of records."""
        if session.session_uuid not in self._sessions:
            found = self.table.load(session.session_uuid)
            self._sessions[session.session_uuid] = found or session
        return self._sessions[session.session_uuid]
