"""Erase one session: end it, delete what was recorded, redact the rest.

    at rest ──> counted ──> labels, recordings, callbacks, deliveries ──> state
                                                                           │
             callbacks that came meanwhile <── request, snapshot <─────────┘

The state is redacted after what needs it (who was which party, under which labels it
was listed), and before what must not come again: from then on whoever takes a callback
keeps none of it, and what set out before fails at the version. Stopped anywhere, the
same from the start finishes it; two at once do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from masking.core import key_space
from masking.core.errors import ErasureNotReadyError, StaleStateError
from masking.core.key_space import HOLD, REQUEST, SNAPSHOT, Item
from masking.domain import plivo_events, redaction, sessions, transitions
from masking.domain.recordings import Recording
from masking.domain.sessions import Session, Status
from masking.lifecycle.reconcile import FAILED, LEFT
from masking.plivo.errors import CarrierSessionMissingError
from masking.storage import redacted_items, session_items
from masking.storage.recordings import recording_from

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.expire_session import ExpireSession
    from masking.lifecycle.reconcile import Reconciler
    from masking.plivo.client import Carrier
    from masking.recording.delete_recording import DeleteRecording
    from masking.storage.stores import Stores


# How many steps towards its end a session is taken before it is left for later.
TURNS = 5

# Seconds after which an outcome that is unknown may be known.
LATER = 60


@dataclass(frozen=True)
class Plan:
    """A session that has ended, and all its items; *session* is None if it is gone.

    With *held* its recordings are under a legal hold.
    """

    session_uuid: str
    session: Session | None
    items: tuple[Item, ...]
    held: bool

    @property
    def recordings(self) -> list[Recording]:
        """Return its recordings."""
        return [
            recording_from(item)
            for item in self.items
            if key_space.is_part(key_space.RECORDING, item)
        ]

    @property
    def labels_of_purged(self) -> Mapping[str, str]:
        """Return its labels by what is left of it, if its state was purged."""
        if self.session:
            return {}
        left = [item for item in self.items if item["sk"] == REQUEST]
        return left[0].get("labels", {}) if left else {}

    @property
    def callbacks(self) -> list[Item]:
        """Return its callbacks, those that are redacted as well."""
        return [
            item for item in self.items if key_space.is_part(key_space.CALLBACK, item)
        ]

    @property
    def deliveries(self) -> list[Item]:
        """Return how its events were sent to the app."""
        return [
            item for item in self.items if key_space.is_part(key_space.DELIVERY, item)
        ]


@dataclass(frozen=True)
class EraseSession:
    """Erases sessions; *callback_key* is the key that names redacted callbacks."""

    stores: Stores
    carrier: Carrier
    reconciler: Reconciler
    expire_session: ExpireSession
    delete_recording: DeleteRecording
    callback_key: bytes
    now: Clock

    def plan(self, session_uuid: str) -> Plan:
        """Bring a session to its rest and read all of it.

        Raises ErasureNotReadyError while somebody works on it or its outcome is not
        known, and CarrierError.
        """
        session = self._at_rest(session_uuid)
        found = self.stores.sessions.load_items(session_uuid)
        held = any(item["sk"] == HOLD for item in found)
        return Plan(session_uuid, session, tuple(found), held)

    def counts(self, plan: Plan) -> dict[str, int]:
        """Count what there is, by the kinds of `erasures`.

        A callback whose redacted item is there already is counted once.
        """
        there = [each for each in plan.recordings if not each.deleted_at]
        held = [each for each in there if plan.held or each.held]
        names = {
            item["sk"]
            if "erased" in item
            else redacted_items.redacted_callback(item, None, self.callback_key)["sk"]
            for item in plan.callbacks
        }
        return {
            "events": len(names),
            "recordings": len(there) - len(held),
            "held_recordings": len(held),
            "labels": len(
                plan.session.labels if plan.session else plan.labels_of_purged
            ),
            "deliveries": len(plan.deliveries),
        }

    def carry_out(self, plan: Plan) -> int:
        """Erase what *plan* has found.

        Returns how many recordings were deleted that only Plivo had. Raises what
        `DeleteRecording.remove` raises, and StaleStateError if the session has changed
        meanwhile.
        """
        session = plan.session
        parties = None
        if session and not session.erased_at:
            parties = sessions.parties_of(session)
            self._unlink_labels(session)
        only_at_plivo = self._delete_recordings(plan)
        self._redact_callbacks(plan.callbacks, parties)
        for delivery in plan.deliveries:
            self.stores.table.delete(delivery["pk"], delivery["sk"])
        if session and not session.erased_at:
            self.stores.sessions.replace(
                session, redaction.redacted_session(session, self.now())
            )
        self._erase_rest(plan)
        self._redact_callbacks(
            self.stores.callbacks.of_session(plan.session_uuid), None
        )
        return only_at_plivo

    def deleted_since(self, session_uuid: str, at: datetime) -> dict[str, int]:
        """Count the recordings that were deleted since *at*, and those that are held.

        The table is the witness of both: a hold may come after the plan was made.
        """
        found = self.stores.recordings.of_session(session_uuid)
        is_held = self.stores.recordings.is_held(session_uuid)
        deleted = [each for each in found if each.deleted_at and each.deleted_at >= at]
        held = [each for each in found if is_held or each.held]
        return {"recordings": len(deleted), "held_recordings": len(held)}

    # Coming to rest

    def _at_rest(self, session_uuid: str) -> Session | None:
        """Return a session once it is over at Plivo too, or never was there."""
        looked = False
        for _ in range(TURNS):
            session = self.stores.sessions.load(session_uuid)
            if session is None or session.erased_at:
                return session
            if session.status is Status.EXPIRED and not session.doubted:
                return session
            if session.status in (Status.FAILED, Status.ABANDONED):
                if looked:
                    return session
                # What Plivo made after all is ended there, or taken over to be ended.
                self.reconciler.remove_orphans(session_uuid)
                looked = True
                continue
            with suppress(StaleStateError):
                self._bring_to_rest(session)
        raise ErasureNotReadyError(LATER)

    def _bring_to_rest(self, session: Session) -> None:
        now = self.now()
        if session.status is Status.EXPIRED:
            self.reconciler.check(session.session_uuid)
        elif session.status is Status.RESERVED or sessions.is_over(session, now):
            if sessions.is_in_doubt(session) or session.status is Status.RESERVED:
                self._wait_for_lease(session)
            if session.status is Status.RESERVED:
                self._find_out(session)
            else:
                doubted = sessions.is_in_doubt(session)
                self.stores.sessions.replace(
                    session, transitions.expire(session, now, doubted=doubted)
                )
        else:
            if sessions.may_be_over(session, now):
                self._wait_for_lease(session)
            self.expire_session.end(session.session_uuid, tenant_id=session.tenant_id)

    def _wait_for_lease(self, session: Session) -> None:
        if sessions.is_leased(session, self.now()):
            raise ErasureNotReadyError(sessions.rest_of_lease(session, self.now()))

    def _find_out(self, session: Session) -> None:
        """Find out the outcome of a create that nobody works on any more."""
        if self.reconciler.work_off(session.session_uuid) in (LEFT, FAILED):
            raise ErasureNotReadyError(LATER)

    # Erasing

    def _unlink_labels(self, session: Session) -> None:
        for label, value in session.labels.items():
            key = key_space.label_key(session.tenant_id, label, value)
            self.stores.table.delete(key, session_items.created_key(session))

    def _delete_recordings(self, plan: Plan) -> int:
        """Delete what was recorded, all versions, and what only Plivo has of it.

        Returns how many only Plivo had.
        """
        if plan.held:
            return 0
        known = set()
        for recording in plan.recordings:
            known |= {recording.recording_uuid, recording.carrier_recording_id}
            if not recording.held:
                self.delete_recording.remove(recording)
        only_there = sorted(self._at_carrier(plan) - known)
        return sum(self.carrier.delete_recording(name) for name in only_there)

    def _at_carrier(self, plan: Plan) -> set[str]:
        """Return the names of recordings in callbacks and in Plivo's own records."""
        names = {
            plivo_events.uuid_in_url(
                attributes.get("RecordingResourceURL")
                or attributes.get("RecordingUUID")
            )
            for attributes in map(key_space.attributes_of, plan.callbacks)
        }
        session = plan.session
        if session and session.settings.get("record"):
            # Also of a create that failed here: what it made may have been called.
            for carrier_session_uuid in self.reconciler.sessions_at_plivo(session):
                with suppress(CarrierSessionMissingError):
                    calls = self.carrier.recorded_calls(carrier_session_uuid)
                    names |= {call.recording_id for call in calls}
        return {name for name in names if name}

    def _redact_callbacks(
        self, kept: Iterable[Item], parties: Mapping[str, str | None] | None
    ) -> None:
        for item in kept:
            if "erased" not in item:
                after = redacted_items.redacted_callback(
                    item, parties, self.callback_key
                )
                self.stores.callbacks.redact(item, after)

    def _erase_rest(self, plan: Plan) -> None:
        """Delete the request; redact Plivo's records of the calls."""
        parts = {item["sk"]: item for item in plan.items}
        if REQUEST in parts:
            self.stores.sessions.delete_request(plan.session_uuid)
        known = parts.get(SNAPSHOT)
        snapshots = self.stores.snapshots
        if plan.session and (known is None or "erased" not in known):
            purge_at = self.stores.sessions.purge_at(plan.session)
            snapshots.redact(plan.session_uuid, known, purge_at)
        snapshots.remove_unredacted(plan.session_uuid)
