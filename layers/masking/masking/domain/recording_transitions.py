"""How a recording goes from one state to the next; `recordings` draws the states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from masking.domain.recordings import (
    DELETION_LEASE,
    LEASE,
    MOST_URLS,
    Announcement,
    Recording,
    Source,
    Status,
    _next,
    is_leased,
)

T = TypeVar("T")

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


def improve(known: Recording, found: Announcement, source: Source) -> Recording | None:
    """Take over what a later announcement knows better; None if that is nothing.

    What is not stored yet is looked for under each address that anybody has named, so
    that the order of announcements makes no difference; one that FAILED is ANNOUNCED
    again. Of a stored one only what was not known is filled in. What Plivo told when
    it was asked is a nudge; a callback sets off what follows by its own event.
    """
    if known.status in (Status.DELETING, Status.DELETED):
        return None
    is_new = known.status is not Status.STORED and found.url not in known.urls
    better = replace(
        known,
        duration=_better(known.duration, found.duration, is_new=is_new),
        carrier_id=known.carrier_id or found.carrier_id,
        call={**found.call, **known.call},
    )
    if is_new:
        better = replace(
            _announced_again(better),
            format=_better(known.format, found.format, is_new=is_new),
            url=found.url,
            other_urls=known.urls[: MOST_URLS - 1],
            nudges=known.nudges + (source is Source.CARRIER),
        )
    return None if better == known else _next(better)


def accept(known: Recording, url: str | None = None) -> Recording:
    """Let a recording in whatever it is, because an operator says so.

    *url* is where it is to be looked for first. One that has no address stays without.
    """
    urls = tuple(dict.fromkeys([*([url] if url else []), *known.urls]))[:MOST_URLS]
    return _next(
        _announced_again(known),
        status=Status.ANNOUNCED,
        lease_until=None,
        accepted=True,
        nudges=known.nudges + 1,
        url=urls[0] if urls else None,
        other_urls=urls[1:],
    )


def _better(known: T, found: T, *, is_new: bool) -> T:
    """Return the later value if it has come with a new address, else the first."""
    return (found or known) if is_new else (known or found)


def _announced_again(known: Recording) -> Recording:
    """Forget why it FAILED, and what came from an address before."""
    status = Status.ANNOUNCED if known.status is Status.FAILED else known.status
    return replace(
        known,
        status=status,
        suspect=None,
        sightings=0,
        failed_at=None,
        reason=None,
        explanation=None,
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
        other_urls=(),
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
        other_urls=(),
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
