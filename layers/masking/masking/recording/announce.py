"""Begin the recordings that Plivo announces, in a callback or when asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.core.errors import RecordingRefusedError
from masking.core.retries import retry_stale
from masking.domain import plivo_events, recording_transitions, recordings
from masking.domain.bus_events import NOT_RECORDED
from masking.domain.recordings import Announcement, Recording, Source, recording_uuid_of
from masking.domain.sessions import Session, parties_of

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class Announcer:
    """Announces recordings.

    *retention_days* applies where neither the session nor its tenant has a rule.
    """

    stores: Stores
    now: Clock
    retention_days: int

    def from_callback(
        self, attributes: Mapping[str, str], digest: str, session: Session
    ) -> Recording:
        """Begin the recording that a callback announces; doing it twice does no harm.

        One that Plivo could not make, or whose callback can't be used, is FAILED until
        a better announcement comes. What is known already is improved by a later one.
        """
        try:
            if attributes.get("EventName") == "SessionRecordingFailed":
                message = "Plivo could not record the call"
                raise RecordingRefusedError(message, reason=NOT_RECORDED)
            found = recordings.announcement_of(attributes)
        except RecordingRefusedError as refused:
            name = recording_uuid_of(attributes, digest)
            return self._announce_failure(name, refused, session, Source.CALLBACK)
        roles = self._roles(attributes.get("From"), attributes.get("To"), session)
        found = replace(found, call={**found.call, **roles})
        return self._announce(found, session, Source.CALLBACK)

    def from_carrier(
        self,
        found: Announcement,
        session: Session,
        *,
        caller: str | None,
        callee: str | None,
    ) -> Recording:
        """Begin a recording that was found at Plivo, without any callback.

        One without a URL is FAILED; one that was announced before is improved.
        """
        if not found.url:
            message = "Plivo names no URL of it"
            refused = RecordingRefusedError(message, reason="malformed")
            return self._announce_failure(
                found.recording_uuid, refused, session, Source.CARRIER
            )
        roles = self._roles(caller, callee, session)
        found = replace(found, call={**found.call, **roles})
        return self._announce(found, session, Source.CARRIER)

    def _announce(
        self, found: Announcement, session: Session, source: Source
    ) -> Recording:
        fresh = recording_transitions.announce(
            found,
            session_uuid=session.session_uuid,
            tenant_id=session.tenant_id,
            retention_days=self._days(session),
            source=source,
            now=self.now(),
        )
        fresh = self._as_held(fresh)
        if self._add(fresh):
            return fresh
        return self._improve(fresh, found, source)

    def _improve(
        self, fresh: Recording, found: Announcement, source: Source
    ) -> Recording:
        """Bring what was announced before up to what *found* tells."""
        improved = fresh

        def improve() -> None:
            nonlocal improved
            known = self.stores.recordings.get(fresh.session_uuid, fresh.recording_uuid)
            if known is None:
                return
            better = recording_transitions.improve(known, found, source)
            if better:
                self.stores.recordings.replace(known, better)
            improved = better or known

        retry_stale(improve)
        return improved

    def _announce_failure(
        self,
        recording_uuid: str,
        refused: RecordingRefusedError,
        session: Session,
        source: Source,
    ) -> Recording:
        failed = recording_transitions.announce_failure(
            recording_uuid,
            session_uuid=session.session_uuid,
            tenant_id=session.tenant_id,
            retention_days=self._days(session),
            reason=refused.reason,
            explanation=str(refused),
            source=source,
            now=self.now(),
        )
        failed = self._as_held(failed)
        self._add(failed)
        return failed

    def _as_held(self, recording: Recording) -> Recording:
        """Return a new recording, under the legal hold of its session if it has one."""
        held = self.stores.recordings.is_held(recording.session_uuid)
        return replace(recording, held=held)

    def _add(self, recording: Recording) -> bool:
        """Write a new recording; False if it is there already.

        The link comes first: who finds the recording finds its session.
        """
        if self.stores.recordings.session_of(recording.recording_uuid) is None:
            self.stores.recordings.link(recording)
        return self.stores.recordings.add(recording)

    def _days(self, session: Session) -> int:
        own = session.settings.get("recording_retention_days")
        return int(
            own
            or self.stores.recordings.retention_of(session.tenant_id)
            or self.retention_days
        )

    def _roles(
        self, caller: str | None, callee: str | None, session: Session
    ) -> dict[str, str]:
        """Return who called whom, as roles."""
        parties = parties_of(session)
        roles = {
            "from": plivo_events.role_of(caller, parties),
            "to": plivo_events.callee_role_of(callee, parties),
        }
        return {name: role for name, role in roles.items() if role}
