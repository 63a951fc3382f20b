"""Delete a recording: all its versions here, and at Plivo.

It is DELETING before anything is deleted, so that nobody gets a link to a file that is
half gone.
If the function dies in the middle, the event of that state brings the deletion to the
queue of recordings, which finishes it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.core.errors import RecordingNotReadyError, StaleStateError
from masking.core.problems import (
    RecordingHeldError,
    RecordingNotFoundError,
    RecordingNotStoredError,
)
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.bucket import Bucket
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class DeleteRecording:
    """Deletes recordings; *delete_at_carrier* deletes one at Plivo, by its name."""

    stores: Stores
    bucket: Bucket
    delete_at_carrier: Callable[[str], object]
    now: Clock

    def delete(self, recording_uuid: str, *, tenant_id: str) -> Recording:
        """Delete a recording; deleting it again is no error.

        Raises RecordingNotFoundError, RecordingHeldError while it is held,
        RecordingNotStoredError while it is being stored, and CarrierError if Plivo
        did not delete it; then the queue goes on trying.
        """
        known = find_recording(self.stores, recording_uuid, tenant_id)
        if recordings.is_hidden(known, self.now()):
            raise RecordingNotFoundError
        return self.remove(known)

    def remove(self, known: Recording) -> Recording:
        """Delete a recording, also one that is past its retention; as `delete`."""
        if known.status is Status.DELETED:
            return known
        if known.held or self.stores.recordings.is_held(known.session_uuid):
            raise RecordingHeldError
        if known.status is Status.STORING and recordings.is_leased(known, self.now()):
            raise RecordingNotStoredError(retry_after=60)
        if known.status is Status.DELETING:
            return self._finish(known)
        taken = recording_transitions.begin_deletion(known, self.now())
        try:
            self.stores.recordings.replace(known, taken)
        except StaleStateError:
            raise RecordingNotStoredError(retry_after=1) from None
        return self._finish(taken)

    def finish(self, session_uuid: str, recording_uuid: str) -> None:
        """Finish a deletion that nobody works on any more.

        Raises RecordingNotReadyError while somebody may, and CarrierError.
        """
        known = self.stores.recordings.get(session_uuid, recording_uuid)
        if known is None or known.status is not Status.DELETING:
            return
        if recordings.is_leased(known, self.now()):
            message = "another invocation is deleting this recording"
            raise RecordingNotReadyError(message, reason="busy")
        self._finish(known)

    def _finish(self, known: Recording) -> Recording:
        if known.key:
            self.bucket.delete(known.key)
        else:
            # Put by a function that was killed before it could record the key, in
            # whatever format it has found.
            for audio in (*recordings.CONTENT_TYPES, recordings.UNKNOWN_FORMAT):
                self.bucket.delete(
                    recordings.key_of(
                        replace(known, format=audio),
                        tenant_id=known.tenant_id,
                        session_uuid=known.session_uuid,
                        day=known.announced_at,
                    )
                )
        # Also of one that failed here: Plivo may have it nevertheless.
        self.delete_at_carrier(known.carrier_recording_id)
        deleted = recording_transitions.delete(known, self.now())
        with suppress(StaleStateError):
            self.stores.recordings.replace(known, deleted)
        return deleted


def find_recording(stores: Stores, recording_uuid: str, tenant_id: str) -> Recording:
    """Find a tenant's recording by its name. Raises RecordingNotFoundError."""
    session_uuid = stores.recordings.session_of(recording_uuid)
    known = (
        stores.recordings.get(session_uuid, recording_uuid) if session_uuid else None
    )
    if known is None or known.tenant_id != tenant_id:
        raise RecordingNotFoundError
    return known
