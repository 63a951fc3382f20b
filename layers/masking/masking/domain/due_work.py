"""What a session next needs done, when, and which schedule does it.

Due work stands in the sparse index `duties`, in one of a few shards of its schedule,
so that a schedule reads what is due and nothing else. What is in doubt has shards of
its own among the reconciler's, and so never waits behind what is only to be settled.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from masking.domain.sessions import (
    Session,
    Status,
    earliest_end,
    is_live,
    lease_of,
)

SHARDS = 16

# Of the reconciler's, so many are for what is in doubt. Releases up to 0.2.0 spread all
# of its work over all of its shards, and work off whatever they find in any of them;
# so does this one.
SHARDS_IN_DOUBT = 4

# For how long, and for twice that at most, a session's items outlive its retention;
# a fourth of a short retention if that is less.
PURGE_SLACK = timedelta(days=7)
SLACK_SHARE = 4


class Action(StrEnum):
    """What a session next needs done."""

    CONFIRM = "confirm"
    CHECK_UPDATE = "check_update"
    FINISH_ENDING = "finish_ending"
    EXPIRE = "expire"
    SETTLE = "settle"


class Schedule(StrEnum):
    """Which of the two EventBridge rules does the work."""

    SWEEP = "sweep"
    RECONCILE = "reconcile"


SCHEDULE_OF = {
    Action.CONFIRM: Schedule.RECONCILE,
    Action.CHECK_UPDATE: Schedule.RECONCILE,
    Action.FINISH_ENDING: Schedule.RECONCILE,
    Action.EXPIRE: Schedule.SWEEP,
    Action.SETTLE: Schedule.RECONCILE,
}


@dataclass(frozen=True)
class DueWork:
    """What a session next needs done, and when it is due."""

    kind: Action
    at: datetime


def due_work_of(session: Session) -> DueWork | None:
    """Return what *session* next needs done; None if it needs nothing.

    An update or an ending on its way leaves the due work as it is, which costs no
    write; only if its outcome is in doubt does the reconciler have to look.
    """
    if session.status is Status.RESERVED and session.lease_until:
        return DueWork(Action.CONFIRM, session.lease_until)
    if session.status is Status.EXPIRED and session.settle_at:
        return DueWork(Action.SETTLE, session.settle_at)
    if not is_live(session):
        return None
    if session.doubted or session.presumed:
        ending = session.status is Status.ENDING
        kind = Action.FINISH_ENDING if ending else Action.CHECK_UPDATE
        return DueWork(kind, lease_of(session) or session.reserved_at)
    if session.expiry_time:
        return DueWork(Action.EXPIRE, session.expiry_time)
    return None


def end_beside(session: Session) -> DueWork | None:
    """Return the end that is due beside work that needs Plivo; None if none is.

    Whatever Plivo does, the sweep comes by when the session may be over.
    """
    due = due_work_of(session)
    ends = earliest_end(session)
    if due is None or ends is None:
        return None
    asks = due.kind in (Action.CHECK_UPDATE, Action.FINISH_ENDING)
    return DueWork(Action.EXPIRE, ends) if asks else None


def purge_time(
    kept_until: int, retention: timedelta, planned: int | None = None
) -> int:
    """Return when the items of a session are purged that is kept until *kept_until*.

    Times are seconds since 1970; *planned* is when they are to be purged as yet. That
    stays if it is neither before *kept_until* nor long after it, because moving it
    costs a write for each callback, link and delivery: an end that moves by up to a
    week costs none.
    """
    slack = int(min(PURGE_SLACK, retention / SLACK_SHARE).total_seconds())
    if planned is not None and kept_until <= planned <= kept_until + 2 * slack:
        return planned
    return kept_until + slack


def shard_of(session_uuid: str, kind: Action) -> str:
    """Return the shard of index `duties` that a session's due work stands in."""
    mine = shards(SCHEDULE_OF[kind])
    if kind is Action.SETTLE:
        mine = settlement_shards()
    elif kind is not Action.EXPIRE:
        mine = shards_in_doubt()
    return mine[zlib.crc32(session_uuid.encode()) % len(mine)]


def shards(rule: Schedule) -> list[str]:
    """List the shards of index `duties` that belong to a schedule."""
    return [f"{rule}#{number:02d}" for number in range(SHARDS)]


def shards_in_doubt() -> list[str]:
    """List the reconciler's shards of what is in doubt: creates, updates, endings."""
    return shards(Schedule.RECONCILE)[:SHARDS_IN_DOUBT]


def settlement_shards() -> list[str]:
    """List the reconciler's shards of what is to be settled."""
    return shards(Schedule.RECONCILE)[SHARDS_IN_DOUBT:]
