"""How a recording goes from one state to the next; `recordings` draws the states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from masking.domain.recordings import (
    DELETION_LEASE,
    LEASE,
    Announcement,
    Recording,
    Source,
    Status,
    _next,
    is_leased,
)

# Changes


def announce(
    found: Announcement,
    *,
    session_uuid: str,
    tenant_id: str,
    retention_days: int,
    source: Source,
    now: datetime,
) -> Recording:
    """Begin a recording: Plivo says that it is finished."""
    return Recording(
        session_uuid=session_uuid,
        recording_uuid=found.recording_uuid,
        tenant_id=tenant_id,
        status=Status.ANNOUNCED,
        version=1,
        source=source,
        format=found.format,
        announced_at=now,
        retention_days=retention_days,
        url=found.url,
        duration=found.duration,
        carrier_id=found.carrier_id,
        call=found.call,
    )


def announce_failure(
    recording_uuid: str,
    *,
    session_uuid: str,
    tenant_id: str,
    retention_days: int,
    reason: str,
    explanation: str,
    source: Source,
    now: datetime,
) -> Recording:
    """Begin a recording that failed: Plivo could not make it, or name it."""
    return Recording(
        session_uuid=session_uuid,
        recording_uuid=recording_uuid,
        tenant_id=tenant_id,
        status=Status.FAILED,
        version=1,
        source=source,
        format="",
        announced_at=now,
        retention_days=retention_days,
        failures=1,
        failed_at=now,
        reason=reason,
        explanation=explanation,
    )


def nudge(recording: Recording) -> Recording:
    """Announce again what was announced and never stored."""
    return _next(recording, nudges=recording.nudges + 1)


def claim(recording: Recording, now: datetime) -> Recording | None:
    """Begin to store it; None while another does, or if there is nothing to do.

    A failed one is stored as well: somebody has sent its message again.
    """
    open_states = (Status.ANNOUNCED, Status.STORING, Status.FAILED)
    if recording.status not in open_states or recording.url is None:
        return None
    if is_leased(recording, now):
        return None
    return _next(recording, status=Status.STORING, lease_until=now + LEASE)


def release(recording: Recording, suspect: str | None = None) -> Recording:
    """Let the next try begin at once instead of after the lease."""
    if suspect is None:
        return _next(recording, lease_until=None)
    seen = recording.sightings if suspect == recording.suspect else 0
    return _next(recording, lease_until=None, suspect=suspect, sightings=seen + 1)


def store(
    recording: Recording, findings: Mapping[str, Any], now: datetime
) -> Recording:
    """Record that the file is in the bucket: *findings* is where and what it is."""
    return _next(
        recording,
        status=Status.STORED,
        lease_until=None,
        stored_at=now,
        url=None,
        suspect=None,
        sightings=0,
        failed_at=None,
        reason=None,
        explanation=None,
        **findings,
    )


def give_up(
    recording: Recording, reason: str, explanation: str, now: datetime
) -> Recording:
    """Record that it could not be stored; its message is a dead letter."""
    return _next(
        recording,
        status=Status.FAILED,
        lease_until=None,
        failures=recording.failures + 1,
        failed_at=now,
        reason=reason,
        explanation=explanation,
    )


def begin_deletion(recording: Recording, now: datetime) -> Recording:
    """Record that it is to be deleted, before anything is."""
    return _next(
        recording,
        status=Status.DELETING,
        lease_until=now + DELETION_LEASE,
        url=None,
    )


def delete(recording: Recording, now: datetime) -> Recording:
    """Record that nothing of it is left, here or at Plivo."""
    return _next(
        recording,
        status=Status.DELETED,
        lease_until=None,
        deleted_at=now,
        bucket=None,
        key=None,
        explanation=None,
    )


def hold(recording: Recording, *, held: bool) -> Recording:
    """Put it under a legal hold, or let it go."""
    return _next(recording, held=held)
