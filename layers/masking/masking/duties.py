"""What a session next needs done, when, and which rule does it.

A duty stands in the sparse index `duties`, in one of a few shards of its rule, so that
a rule reads what is due and nothing else.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .sessions import Session, Status, lease_of

SHARDS = 16


class DutyKind(StrEnum):
    """What a session next needs done."""

    CONFIRM = "confirm"
    CHECK_UPDATE = "check_update"
    FINISH_ENDING = "finish_ending"
    EXPIRE = "expire"
    SETTLE = "settle"


class Rule(StrEnum):
    """Which of the two EventBridge rules works a duty off."""

    SWEEP = "sweep"
    RECONCILE = "reconcile"


RULE_OF = {
    DutyKind.CONFIRM: Rule.RECONCILE,
    DutyKind.CHECK_UPDATE: Rule.RECONCILE,
    DutyKind.FINISH_ENDING: Rule.RECONCILE,
    DutyKind.EXPIRE: Rule.SWEEP,
    DutyKind.SETTLE: Rule.RECONCILE,
}


@dataclass(frozen=True)
class Duty:
    """What a session next needs done, and when it is due."""

    kind: DutyKind
    at: datetime


def duty_of(session: Session) -> Duty | None:
    """Say what *session* next needs done, or None if it is at rest.

    An update or an ending on its way leaves the duty where it is, which costs nothing;
    only if it is doubted does the reconciler's rule have to look.
    """
    if session.status is Status.RESERVED and session.lease_until:
        return Duty(DutyKind.CONFIRM, session.lease_until)
    if session.status is Status.EXPIRED and session.settle_at:
        return Duty(DutyKind.SETTLE, session.settle_at)
    if session.status not in (Status.ACTIVE, Status.ENDING):
        return None
    lease = lease_of(session)
    if session.doubted and lease:
        ending = session.status is Status.ENDING
        kind = DutyKind.FINISH_ENDING if ending else DutyKind.CHECK_UPDATE
        return Duty(kind, lease)
    if session.expiry_time:
        return Duty(DutyKind.EXPIRE, session.expiry_time)
    return None


def shard_of(session_uuid: str, rule: Rule) -> str:
    """Say in which shard of the duties index a session's duty stands."""
    return f"{rule}#{zlib.crc32(session_uuid.encode()) % SHARDS:02d}"


def shards(rule: Rule) -> list[str]:
    """List the shards of the duties index that *rule* works off."""
    return [f"{rule}#{number:02d}" for number in range(SHARDS)]
