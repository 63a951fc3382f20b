"""Find the recordings of a session that Plivo has and never announced.

Asked while a session is settled, when its calls are over: the session's interactions
say which calls were recorded, the recording resources where the files are. What was
missing is announced, and so comes into the same queue as all others; so is what a
callback had announced badly, such as without an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from masking.core import telemetry
from masking.domain import recording_transitions
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.plivo import recording_answers
from masking.recording.announce import Announcer

if TYPE_CHECKING:
    from masking.plivo.client import Carrier
    from masking.plivo.recording_answers import RecordedCall
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class FetchRecordings:
    """Fetches what is missing."""

    stores: Stores
    carrier: Carrier
    announcer: Announcer

    def fetch(self, session: Session, interactions: Sequence[Mapping[str, Any]]) -> int:
        """Announce the recordings that are missing; return how many they were.

        *interactions* are Plivo's calls of the session. Recordings of an erased
        session are deleted at Plivo, unless they are held. Raises CarrierError if
        Plivo can't say; doing it twice does no harm.
        """
        calls = list(recording_answers.recorded_calls({"interaction": interactions}))
        if not calls:
            return 0
        known = self._known(session)
        if session.erased_at and not self.stores.recordings.is_held(
            session.session_uuid
        ):
            for call in calls:
                self.carrier.delete_recording(call.recording_id)
            return 0
        missing = 0
        for call in calls:
            before = known.get(call.recording_id)
            if before is None:
                missing += self._announce(call, session)
            elif before.status is Status.FAILED:
                missing += self._correct(before, call, session)
            else:
                missing += self._remind(before)
        if missing:
            telemetry.count("RecordingsFetched", missing)
        return missing

    def _known(self, session: Session) -> dict[str, Recording]:
        """Return the known recordings, under our names and under Plivo's."""
        found = self.stores.recordings.of_session(session.session_uuid)
        names = {recording.recording_uuid: recording for recording in found}
        return {**names, **{each.carrier_recording_id: each for each in found}}

    def _announce(self, call: RecordedCall, session: Session) -> bool:
        resource = self.carrier.recording(call.recording_id)
        if resource is None:
            telemetry.logger().warning(
                "Plivo has deleted a recording that we never had",
                extra={"session_uuid": session.session_uuid},
            )
            telemetry.count("RecordingGoneAtCarrier")
            return False
        self.announcer.from_carrier(
            resource.announcement(call),
            session,
            caller=resource.from_number,
            callee=resource.to_number,
        )
        return True

    def _correct(self, failed: Recording, call: RecordedCall, session: Session) -> bool:
        """Announce a recording anew that failed, if Plivo names another address."""
        resource = self.carrier.recording(call.recording_id)
        if resource is None or not resource.url:
            return False
        found = replace(
            resource.announcement(call), recording_uuid=failed.recording_uuid
        )
        improved = self.announcer.from_carrier(
            found, session, caller=resource.from_number, callee=resource.to_number
        )
        return improved.status is Status.ANNOUNCED

    def _remind(self, recording: Recording) -> bool:
        """Announce a recording again that nobody has begun to store."""
        if recording.status is not Status.ANNOUNCED:
            return False
        self.stores.recordings.replace(
            recording, recording_transitions.nudge(recording)
        )
        return True
