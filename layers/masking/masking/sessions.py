"""The rules of a session's life: what state it is in and what comes next.

Every change is a function from one `Session` to the next. `table` writes the next one
only if the stored one still has the version that the change started from, so that
of two changes at once exactly one happens.

    reserve ──> RESERVED ──confirm──> ACTIVE ─────────expire────────> EXPIRED
                  │  ▲                │ ▲  │                             ▲
     Plivo said no│  │retake          │ │  └─begin_ending─> ENDING ─expire┘
                  ▼  │    begin_update│ │finish_update, drop_update
                 FAILED               ▼ │
                                 ACTIVE, update pending
    ABANDONED: a create whose outcome was never known and that may have rung a phone.
    Doubted: an update or an ending that the reconciler must clear up; of an expired
    session, that something of it may be alive at Plivo still.
    EXPIRED sessions are settled: see `settle`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

NAMESPACE = uuid.UUID("5f0c6f0e-6f0b-5d0a-9a3e-0d8c8b7f3c11")

# Longer than the 28 s after which Lambda stops a function: whoever wrote a lease that
# has run out is surely gone, and a listing at Plivo no longer lags behind what it did.
LEASE = timedelta(seconds=60)

# Slack in what the request item outlives its session by, so that extending a session
# does not have to write that item again.
REQUEST_SLACK = timedelta(days=30)

# A call that has just ended is not in Plivo's totals yet.
SETTLE_AFTER = timedelta(minutes=5)

SHARDS = 16


class Status(StrEnum):
    """What state a session is in. Plivo knows `active` and `expired` alone."""

    RESERVED = "reserved"
    FAILED = "failed"
    ABANDONED = "abandoned"
    ACTIVE = "active"
    ENDING = "ending"
    EXPIRED = "expired"


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


@dataclass(frozen=True)
class CarrierSession:
    """A session as Plivo answered it, cleaned.

    *settings* holds the attributes of a create that Plivo echoed; *totals* the
    accounting (`amount`, `total_*` as decimal strings, counts as integers,
    `interaction` as a list).
    """

    session_uuid: str
    virtual_number: str | None
    status: str
    created_time: datetime | None
    modified_time: datetime | None
    expiry_time: datetime | None
    duration: int | None
    callback_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    totals: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pending:
    """An update on its way to Plivo: what it changes and how long its lease runs."""

    changes: Mapping[str, Any]
    lease_until: datetime


@dataclass(frozen=True)
class Settled:
    """That a session's totals are final: since when, what that corrected, how often.

    *times* is 2 at most: a callback that comes later reopens a session once.
    """

    at: datetime
    changed: tuple[str, ...] = ()
    times: int = 1


@dataclass(frozen=True)
class Session:
    """A session as we keep it.

    *asked* and *labels* are what was asked for and never change; *answered* holds
    what Plivo answered or an update changed, where it differs, and always the parties.
    *doubted* says that nobody knows what became of an update or an ending at Plivo.
    *settle_at* is when Plivo is asked for the final truth about an expired session,
    *settled* what came of it; *linger* is for how many seconds after its end a call may
    go on. *repaired* names what the reconciler mended in this very version. *calls* are
    Plivo's own records, from the newest snapshot. *retention_days* is how long it is
    kept after its end, if its tenant has a rule for that. *erased_at* is when a person
    of it was forgotten: from then on it holds accounting alone. Times are aware UTC.
    """

    session_uuid: str
    tenant_id: str
    status: Status
    version: int
    attempt: int
    request_hash: str
    base_url: str
    reserved_at: datetime
    lease_until: datetime | None = None
    carrier_session_uuid: str | None = None
    virtual_number: str | None = None
    created_time: datetime | None = None
    modified_time: datetime | None = None
    expiry_time: datetime | None = None
    answered: Mapping[str, Any] = field(default_factory=dict)
    pending: Pending | None = None
    doubted: bool = False
    settle_at: datetime | None = None
    settled: Settled | None = None
    linger: int = 0
    repaired: str | None = None
    erased_at: datetime | None = None
    calls: Sequence[Mapping[str, Any]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    retention_days: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Give the attributes as they are now: asked for, then answered."""
        return {**self.asked, **self.answered}


# Who a session is


def session_uuid_for(tenant_id: str, idempotency_key: str | None) -> str:
    """Give the UUID of the session that this request creates.

    With a key it is a function of tenant and key, each with its length before it so
    that no two pairs run together; without one it is random.
    """
    if idempotency_key is None:
        return str(uuid.uuid4())
    name = f"{len(tenant_id)}:{tenant_id}{len(idempotency_key)}:{idempotency_key}"
    return str(uuid.uuid5(NAMESPACE, name))


def hash_of_request(asked: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Give a hash that is equal for equal requests, defaults filled in (hex)."""
    canonical = json.dumps([asked, labels], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


# What comes next


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


def is_over(session: Session, now: datetime) -> bool:
    """Say whether *session* has expired, whatever has run since then."""
    if session.status is Status.EXPIRED:
        return True
    return (
        session.status in (Status.ACTIVE, Status.ENDING)
        and session.expiry_time is not None
        and now >= session.expiry_time
    )


def is_in_doubt(session: Session) -> bool:
    """Say whether something is on its way to Plivo that a crash would leave there."""
    return session.status is Status.ENDING or session.pending is not None


def lease_of(session: Session) -> datetime | None:
    """Say until when somebody may be working on *session* at Plivo."""
    if session.pending and session.status is not Status.ENDING:
        return session.pending.lease_until
    return session.lease_until


def is_leased(session: Session, now: datetime) -> bool:
    """Say whether somebody may still be working on *session* at Plivo."""
    until = lease_of(session)
    return until is not None and now < until


def rest_of_lease(session: Session, now: datetime) -> int:
    """Give the seconds until nobody works on *session* any more, 1 at least."""
    until = lease_of(session) or now
    return max(1, int((until - now).total_seconds()) + 1)


def may_recreate(session: Session) -> bool:
    """Say whether sending the create again can at worst leave an orphan.

    A create that rings a phone is never sent twice.
    """
    return not session.asked.get("initiate_call_to_first_party", False)


# Changes


def reserve(
    *,
    session_uuid: str,
    tenant_id: str,
    asked: Mapping[str, Any],
    labels: Mapping[str, str],
    base_url: str,
    now: datetime,
) -> Session:
    """Begin a session: first attempt, lease running, nothing at Plivo yet."""
    return Session(
        session_uuid=session_uuid,
        tenant_id=tenant_id,
        status=Status.RESERVED,
        version=1,
        attempt=1,
        request_hash=hash_of_request(asked, labels),
        base_url=base_url,
        reserved_at=now,
        lease_until=now + LEASE,
        asked=asked,
        labels=labels,
    )


def retake(session: Session, now: datetime) -> Session:
    """Begin the next attempt."""
    return _next(
        session,
        status=Status.RESERVED,
        attempt=session.attempt + 1,
        lease_until=now + LEASE,
    )


def confirm(session: Session, answer: CarrierSession, attempt: int) -> Session:
    """Take Plivo's answer to *attempt* as the session's truth."""
    return _next(
        session,
        attempt=max(attempt, session.attempt),
        lease_until=None,
        carrier_session_uuid=answer.session_uuid,
        **{"status": Status.ACTIVE, **_answered(session, answer)},
    )


def fail(session: Session) -> Session:
    """Free the key: Plivo surely did not create the session."""
    return _next(session, status=Status.FAILED, lease_until=None)


def abandon(session: Session) -> Session:
    """Close a create whose outcome nobody knows and that must not be sent again."""
    return _next(session, status=Status.ABANDONED, lease_until=None)


def renumber(session: Session, virtual_number: str) -> Session:
    """Take the virtual number that Plivo gave the session in place of its last."""
    return _next(session, virtual_number=virtual_number)


def begin_update(
    session: Session, changes: Mapping[str, Any], now: datetime
) -> Session:
    """Record an update before Plivo is asked."""
    return _next(session, pending=Pending(changes, now + LEASE))


def finish_update(session: Session, answer: CarrierSession | None) -> Session:
    """Take Plivo's answer as the truth and clear the pending update.

    *answer* is None where Plivo was not asked, since only callbacks of ours changed.
    """
    changes = session.pending.changes if session.pending else {}
    ours = {name: changes[name] for name in OURS & changes.keys()}
    changed = replace(session, answered={**session.answered, **ours})
    settled = _answered(changed, answer) if answer else {}
    return _next(changed, pending=None, doubted=False, **settled)


def drop_update(session: Session) -> Session:
    """Clear a pending update that Plivo surely did not carry out."""
    return _next(session, pending=None, doubted=False)


def begin_ending(session: Session, now: datetime) -> Session:
    """Record that the session is to end before Plivo is asked.

    An update in doubt stays recorded: what it came to is asked once all is over.
    """
    return _next(
        session,
        status=Status.ENDING,
        doubted=False,
        lease_until=now + LEASE,
    )


def doubt(session: Session) -> Session:
    """Leave an update or an ending of unknown outcome to the reconciler."""
    return _next(session, doubted=True)


def expire(
    session: Session, now: datetime | None = None, *, doubted: bool = False
) -> Session:
    """End the session; what Plivo has of it is fetched a little later.

    *now* is when, if that is before its expiry. With *doubted*, or after more than one
    attempt, something of it may be alive at Plivo: that is looked at first.
    """
    ends = session.expiry_time or session.reserved_at
    return _next(
        session,
        status=Status.EXPIRED,
        pending=None,
        doubted=doubted or session.attempt > 1,
        lease_until=None,
        settle_at=(min(now, ends) if now else ends) + SETTLE_AFTER,
    )


def clear(session: Session) -> Session:
    """Note that nothing of an expired session is alive at Plivo."""
    return _next(session, doubted=False)


def settle(
    session: Session,
    answer: CarrierSession | None,
    changed: Sequence[str],
    now: datetime,
) -> Session:
    """Take Plivo's answer as final; None where Plivo knows nothing of the session."""
    times = session.settled.times + 1 if session.settled else 1
    final = _answered(session, answer) if answer else {}
    return _next(
        session,
        **{
            **final,
            "status": Status.EXPIRED,
            "settle_at": None,
            "settled": Settled(now, tuple(changed), times),
        },
    )


def reopen(session: Session, now: datetime) -> Session | None:
    """Settle once more, for a callback that came late; None if that was done before."""
    if session.settled is None or session.settle_at or session.settled.times > 1:
        return None
    return _next(session, settle_at=now + SETTLE_AFTER)


def note(session: Session, what: str) -> Session:
    """Note what the reconciler mended at Plivo, without any change of ours."""
    return _next(session, repaired=what)


def repaired(session: Session, what: str) -> Session:
    """Note in a next state what the reconciler mended by it."""
    return replace(session, repaired=what)


# Attributes that Plivo never sees as the app sent them: its own callbacks go to us, and
# how long a recording is kept here is our affair.
OURS = frozenset(
    {
        "callback_url",
        "callback_method",
        "recording_callback_url",
        "recording_callback_method",
        "recording_retention_days",
    }
)


# Always in the state, so that it can be searched without what was asked for.
PARTIES = ("first_party", "second_party")


def _next(session: Session, **changes: Any) -> Session:
    return replace(
        session, version=session.version + 1, **{"repaired": None, **changes}
    )


def _answered(session: Session, answer: CarrierSession) -> dict[str, Any]:
    """Give what Plivo answered as changes; of the settings only what differs."""
    # Plivo goes on knowing whom an erased session was of; we do not.
    told = {} if session.erased_at else answer.settings
    settings = {k: v for k, v in told.items() if k not in OURS}
    kept = {k: v for k, v in session.answered.items() if k in OURS}
    parties = {k: v for k, v in session.settings.items() if k in PARTIES}
    differs = {
        k: v for k, v in settings.items() if k in PARTIES or session.asked.get(k) != v
    }
    expiry_time = answer.expiry_time or session.expiry_time
    status: dict[str, Any] = {}
    if answer.status == "expired":
        ended = expiry_time or session.reserved_at
        status = {"status": Status.EXPIRED, "settle_at": ended + SETTLE_AFTER}
    now = {**session.settings, **settings}
    limits = (now.get("ring_timeout"), now.get("call_time_limit"))
    return {
        "virtual_number": answer.virtual_number or session.virtual_number,
        "created_time": answer.created_time or session.created_time,
        "modified_time": answer.modified_time or session.modified_time,
        "expiry_time": expiry_time,
        "calls": answer.totals.get("interaction", ()),
        "answered": {**kept, **parties, **differs, **_worth_keeping(answer.totals)},
        # A call that began before an update goes on under the limits from then.
        "linger": max(session.linger, sum(limit or 0 for limit in limits)),
        **status,
    }


def _worth_keeping(totals: Mapping[str, Any]) -> dict[str, Any]:
    """Give the totals that are not nothing; calls are kept in an item of their own."""
    return {
        k: v
        for k, v in totals.items()
        if k != "interaction" and v not in (0, "0", None, "")
    }
