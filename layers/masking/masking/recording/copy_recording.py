"""Copy a finished recording from Plivo into the bucket, once, checked on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry
from masking.core.errors import (
    RecordingNotReadyError,
    RecordingRefusedError,
    StaleStateError,
)
from masking.core.times import stamp
from masking.domain import audio_files, recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.plivo.download import START

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.plivo.download import Download
    from masking.plivo.media import Media
    from masking.storage.bucket import Bucket
    from masking.storage.stores import Stores


# How often a file is fetched if S3, and not the origin, fails.
PUTS = 2

# How often a change is tried if somebody else changes the recording.
TURNS = 5


@dataclass(frozen=True)
class CopyRecording:
    """Copies recordings.

    *delete_at_carrier* deletes a recording at Plivo by its name there, once it is
    stored here; None leaves it there.
    """

    stores: Stores
    bucket: Bucket
    media: Media
    now: Clock
    delete_at_carrier: Callable[[str], None] | None = None

    def copy(self, session_uuid: str, recording_uuid: str) -> bool:
        """Store an announced recording; False if there is nothing to do.

        Raises RecordingNotReadyError if a later try may succeed, RecordingRefusedError
        if none will.
        """
        known = self._known(session_uuid, recording_uuid)
        if known.status is Status.STORED:
            self._delete_at_plivo(known)
            return False
        if known.status in (Status.DELETING, Status.DELETED):
            return False
        claimed = self._claim(known)
        try:
            findings = self._copy(claimed)
        except Exception as error:
            suspect = getattr(error, "suspect", None)
            with suppress(StaleStateError):
                self.stores.recordings.replace(
                    claimed, recording_transitions.release(claimed, suspect)
                )
            raise
        self._close(claimed, findings)
        telemetry.count("RecordingStored")
        self._delete_at_plivo(claimed)
        return True

    def give_up(
        self, session_uuid: str, recording_uuid: str, reason: str, explanation: str
    ) -> None:
        """Record that a recording could not be stored; a stored one stays stored."""
        for _ in range(TURNS):
            known = self.stores.recordings.get(session_uuid, recording_uuid)
            if known is None or known.status not in (Status.ANNOUNCED, Status.STORING):
                return
            with suppress(StaleStateError):
                self.stores.recordings.replace(
                    known,
                    recording_transitions.give_up(
                        known, reason, explanation, self.now()
                    ),
                )
                return

    def _known(self, session_uuid: str, recording_uuid: str) -> Recording:
        known = self.stores.recordings.get(session_uuid, recording_uuid)
        if known is None:
            message = "this recording is not in the table"
            raise RecordingRefusedError(message, reason="unknown")
        if known.url is None and known.status is Status.FAILED:
            message = known.explanation or "this recording was not made"
            raise RecordingRefusedError(message, reason=known.reason or "unknown")
        return known

    def _claim(self, known: Recording) -> Recording:
        claimed = recording_transitions.claim(known, self.now())
        try:
            if claimed is not None:
                self.stores.recordings.replace(known, claimed)
                return claimed
        except StaleStateError:
            pass
        message = "another invocation is storing this recording"
        raise RecordingNotReadyError(message, reason="busy")

    def _copy(self, claimed: Recording) -> dict[str, Any]:
        """Fetch and put; fetch anew if it was S3 that failed."""
        for _ in range(PUTS - 1):
            with suppress(ClientError, BotoCoreError):
                return self._copy_once(claimed)
            telemetry.count("RecordingPutAgain")
        return self._copy_once(claimed)

    def _copy_once(self, claimed: Recording) -> dict[str, Any]:
        key = recordings.key_of(
            claimed,
            tenant_id=claimed.tenant_id,
            session_uuid=claimed.session_uuid,
            day=claimed.announced_at,
        )
        with self.media.open(
            str(claimed.url), recordings.stable_file(claimed)
        ) as download:
            _set_checks(claimed, download)
            self.bucket.put(
                key,
                download,
                recordings.CONTENT_TYPES[claimed.format],
                retention=recordings.retention_tag(claimed),
                metadata={
                    "session-uuid": claimed.session_uuid,
                    "recording-uuid": claimed.recording_uuid,
                    "announced-at": stamp(claimed.announced_at),
                },
            )
            return {
                "bucket": self.bucket.name,
                "key": key,
                "bytes": download.bytes_read,
                "sha256": download.sha256,
            }

    def _close(self, claimed: Recording, findings: dict[str, Any]) -> None:
        """Record that it is stored; it may have come under a legal hold meanwhile."""
        current: Recording | None = claimed
        for _ in range(TURNS):
            if current is None or current.lease_until != claimed.lease_until:
                break
            if current.held != claimed.held:
                tag = recordings.retention_tag(current)
                self.bucket.retag(findings["key"], tag)
            try:
                self.stores.recordings.replace(
                    current, recording_transitions.store(current, findings, self.now())
                )
            except StaleStateError:
                current = self.stores.recordings.get(
                    claimed.session_uuid, claimed.recording_uuid
                )
            else:
                return
        message = "another invocation has taken this recording over"
        raise RecordingNotReadyError(message, reason="busy")

    def _delete_at_plivo(self, stored: Recording) -> None:
        """Delete it at Plivo if the deployment says so; again does no harm."""
        if self.delete_at_carrier:
            self.delete_at_carrier(stored.carrier_recording_id)


def _set_checks(claimed: Recording, download: Download) -> None:
    """Refuse files of another format, by the first bytes now and by the size later."""
    start = download.peek(START)
    if not start:
        message = "the file is empty"
        raise RecordingNotReadyError(message, reason="truncated")
    if not audio_files.looks_like(claimed.format, start):
        message = f"the origin's file does not begin like {claimed.format}"
        raise RecordingNotReadyError(message, reason="not_audio")

    def check(size: int) -> None:
        if not audio_files.is_plausible(claimed.format, start, size, claimed.duration):
            message = "the file is too short for the call"
            raise RecordingNotReadyError(message, reason="truncated")

    if download.length is not None:
        check(download.length)
    else:
        download.check = check
