"""Copy a finished recording from Plivo into the bucket, once, checked on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry
from masking.core.errors import (
    RecordingNotReadyError,
    RecordingRefusedError,
    StaleStateError,
)
from masking.core.times import stamp
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.recording.inspection import Inspection

if TYPE_CHECKING:
    from masking.core.times import Clock
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
            self._release(claimed, getattr(error, "suspect", None))
            raise
        stored = self._close(claimed, findings)
        telemetry.count("RecordingStored")
        _tell_contradictions(stored)
        self._delete_at_plivo(stored)
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

    def _release(self, claimed: Recording, suspect: str | None) -> None:
        """Let the next try begin at once; whatever fails here, the cause is told."""
        try:
            current = self.stores.recordings.get(
                claimed.session_uuid, claimed.recording_uuid
            )
            if current is None or current.lease_until != claimed.lease_until:
                return
            self.stores.recordings.replace(
                current, recording_transitions.release(current, suspect)
            )
        except (StaleStateError, ClientError, BotoCoreError) as error:
            telemetry.logger().warning(
                "recording not released", extra={"error": type(error).__name__}
            )

    def _copy(self, claimed: Recording) -> dict[str, Any]:
        """Copy from the first address that has the file.

        Raises what says most: a file that may be whole, then one that may come yet.
        """
        failures: list[RecordingNotReadyError | RecordingRefusedError] = []
        for url in claimed.urls:
            try:
                return self._copy_from(url, claimed)
            except (RecordingNotReadyError, RecordingRefusedError) as failure:
                failures.append(failure)
        raise max(failures, key=_how_telling)

    def _copy_from(self, url: str, claimed: Recording) -> dict[str, Any]:
        """Fetch and put; fetch anew if it was S3 that failed."""
        for _ in range(PUTS - 1):
            with suppress(ClientError, BotoCoreError):
                return self._copy_once(url, claimed)
            telemetry.count("RecordingPutAgain")
        return self._copy_once(url, claimed)

    def _copy_once(self, url: str, claimed: Recording) -> dict[str, Any]:
        stable = recordings.stable_file(claimed)
        with self.media.open(url, stable, accepted=claimed.accepted) as download:
            inspection = Inspection(claimed, download)
            key = recordings.key_of(
                replace(claimed, format=inspection.format),
                tenant_id=claimed.tenant_id,
                session_uuid=claimed.session_uuid,
                day=claimed.announced_at,
            )
            self.bucket.put(
                key,
                download,
                recordings.content_type_of(inspection.format),
                retention=recordings.retention_tag(claimed),
                storage_class=recordings.storage_class(claimed, download.length),
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
                **inspection.findings(),
            }

    def _close(self, claimed: Recording, findings: dict[str, Any]) -> Recording:
        """Record that it is stored; it may have come under a legal hold meanwhile."""
        current: Recording | None = claimed
        for _ in range(TURNS):
            if current is None or current.lease_until != claimed.lease_until:
                break
            if current.held != claimed.held:
                tag = recordings.retention_tag(current)
                self.bucket.retag(findings["key"], tag)
            stored = recording_transitions.store(current, findings, self.now())
            try:
                self.stores.recordings.replace(current, stored)
            except StaleStateError:
                current = self.stores.recordings.get(
                    claimed.session_uuid, claimed.recording_uuid
                )
            else:
                return stored
        message = "another invocation has taken this recording over"
        raise RecordingNotReadyError(message, reason="busy")

    def _delete_at_plivo(self, stored: Recording) -> None:
        """Delete it at Plivo if the deployment says so; again does no harm.

        What is not as it was said to be stays there for somebody to look at.
        """
        if self.delete_at_carrier and not stored.contradictions:
            self.delete_at_carrier(stored.carrier_recording_id)


def _how_telling(failure: RecordingNotReadyError | RecordingRefusedError) -> int:
    """Return a higher number for what is nearer to a stored file."""
    if isinstance(failure, RecordingRefusedError):
        return 0
    return 2 if failure.suspect else 1


def _tell_contradictions(stored: Recording) -> None:
    if not stored.contradictions:
        return
    telemetry.count("RecordingContradicted")
    telemetry.logger().warning(
        "recording stored although it is not what was said of it",
        extra={
            "session_uuid": stored.session_uuid,
            "recording_uuid": stored.recording_uuid,
            "contradictions": list(stored.contradictions),
        },
    )
